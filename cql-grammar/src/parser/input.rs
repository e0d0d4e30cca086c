//! What the productions read, how they fail, and the small parsers that all of them use.
//!
//! Cassandra's parser (ANTLR) decides which alternative to take by looking ahead, and a failed decision is a "no
//! viable alternative" that shows where the decision began. The productions decide in the same places, so that their
//! errors are the same: a failure is final ([`nom::Err::Failure`]) wherever Cassandra does not backtrack.

use crate::ast::Name;
use crate::lexer::{Kind, Source, Token};
use std::cell::{Cell, RefCell};

/// Deeper nesting is refused, and so are more operators in one expression: neither the parser nor whoever walks the
/// tree may run out of stack.
const DEPTH_MAX: u16 = 64;
const OPERATORS_MAX: u16 = 400;

/// The rest of the tokens. A copy is a place to come back to.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    context: &'a Context<'a>,
    at: usize,
    /// Number of bind markers before this place
    pub(super) markers: usize,
    /// How deep the production is nested in others of its kind
    depth: u16,
    /// Operators of the outermost expression so far
    operators: u16,
}

/// What all places of a text share.
pub(crate) struct Context<'a> {
    pub(super) source: Source<'a>,
    /// Names of the bind markers; those beyond an input's count were read on a way that was given up
    pub(super) bind_names: RefCell<Vec<Option<Name>>>,
    /// The furthest token that a decision has looked at
    pub(super) furthest: Cell<usize>,
}

/// Why a production does not match.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A decision that began at one token found none of its alternatives at another
    NoViable { start: usize, at: usize },
    /// A certain token was due
    Mismatch { at: usize, expected: Kind },
    /// One of several tokens was due
    MismatchedSet { at: usize },
    /// Well-formed but meaningless, in Cassandra's words
    Meaning(Box<str>),
    /// What makes Cassandra's parser throw; its words follow "reason:"
    Thrown(Box<str>),
}

pub(crate) type Res<'a, T> = nom::IResult<Input<'a>, T, Failure>;

impl<'a> Context<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let source = Source::new(text);
        Self { source, bind_names: RefCell::new(Vec::new()), furthest: Cell::new(0) }
    }

    pub(crate) fn start(&'a self) -> Input<'a> {
        Input { context: self, at: 0, markers: 0, depth: 0, operators: 0 }
    }
}

impl<'a> Input<'a> {
    /// The token that many places ahead, 0 being the next one. The last token is followed by itself.
    pub(super) fn token(self, ahead: usize) -> &'a Token {
        let tokens = &self.context.source.tokens;
        let last = tokens.len() - 1;
        &tokens[(self.at + ahead).min(last)]
    }

    /// The kind of the token that many places ahead.
    pub(super) fn kind(self, ahead: usize) -> Kind {
        self.token(ahead).kind
    }

    /// The text of the next token, see [`Source::text_of`].
    pub(super) fn text(self) -> std::borrow::Cow<'a, str> {
        self.context.source.text_of(self.token(0))
    }

    /// After the next token.
    pub(super) fn skip(self) -> Self {
        let last = self.context.source.tokens.len() - 1;
        Self { at: (self.at + 1).min(last), ..self }
    }

    /// Fails the decision that began here because of the token that many places ahead.
    pub(super) fn no_viable<T>(self, ahead: usize) -> Res<'a, T> {
        let last = self.context.source.tokens.len() - 1;
        Err(nom::Err::Failure(Failure::NoViable { start: self.at, at: (self.at + ahead).min(last) }))
    }

    /// Fails for want of one of several tokens.
    pub(super) fn mismatched_set<T>(self) -> Res<'a, T> {
        Err(nom::Err::Failure(Failure::MismatchedSet { at: self.at }))
    }

    /// Fails with what Cassandra says about the meaning of a well-formed part.
    pub(super) fn meaning<T>(self, message: impl Into<Box<str>>) -> Res<'a, T> {
        self.look(0);
        Err(nom::Err::Failure(Failure::Meaning(message.into())))
    }

    /// Fails as an exception of Cassandra's parser.
    pub(super) fn thrown<T>(self, message: impl Into<Box<str>>) -> Res<'a, T> {
        Err(nom::Err::Failure(Failure::Thrown(message.into())))
    }

    /// The next bind marker, its tokens already read.
    pub(super) fn bind(self, name: Option<Name>) -> (Self, usize) {
        let mut names = self.context.bind_names.borrow_mut();
        names.truncate(self.markers);
        names.push(name);
        (Self { markers: self.markers + 1, ..self }, self.markers)
    }

    /// Counts one more operator of the expression.
    pub(super) fn one_more_operator(self) -> Result<Self, nom::Err<Failure>> {
        if self.operators >= OPERATORS_MAX {
            return Err(too_deep());
        }
        Ok(Self { operators: self.operators + 1, ..self })
    }

    /// Remembers how far a way that is given up has looked.
    pub(super) fn give_up(self, failure: &nom::Err<Failure>) {
        if let nom::Err::Error(failure) | nom::Err::Failure(failure) = failure {
            self.looked_at(failure.at());
        }
    }

    /// Remembers that a decision has looked at the tokens up to the one that many places ahead, which shows in the
    /// extract that a message quotes. (Cassandra's decisions read one token more than they need.)
    pub(super) fn look(self, ahead: usize) {
        self.looked_at(self.at + ahead);
    }

    fn looked_at(self, at: usize) {
        self.context.furthest.set(self.context.furthest.get().max(at));
    }
}

impl Failure {
    /// The offending token.
    pub(super) fn at(&self) -> usize {
        match self {
            Self::NoViable { at, .. } | Self::Mismatch { at, .. } | Self::MismatchedSet { at } => *at,
            Self::Meaning(_) | Self::Thrown(_) => 0,
        }
    }
}

fn too_deep() -> nom::Err<Failure> {
    nom::Err::Failure(Failure::Thrown("StackOverflowError null".into()))
}

/// Runs a production one level deeper.
pub(super) fn nested<'a, T>(
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, T> {
    move |input| {
        let operators = if input.depth == 0 { 0 } else { input.operators };
        if input.depth >= DEPTH_MAX {
            return Err(too_deep());
        }
        let deeper = Input { depth: input.depth + 1, operators, ..input };
        let (rest, value) = production(deeper)?;
        Ok((Input { depth: input.depth, ..rest }, value))
    }
}

/// Exactly this token.
pub(super) fn tok<'a>(kind: Kind) -> impl Fn(Input<'a>) -> Res<'a, &'a Token> {
    move |input| {
        if input.kind(0) == kind {
            Ok((input.skip(), input.token(0)))
        } else {
            Err(nom::Err::Failure(Failure::Mismatch { at: input.at, expected: kind }))
        }
    }
}

/// These tokens one after another.
pub(super) fn toks<'a, const N: usize>(kinds: [Kind; N]) -> impl Fn(Input<'a>) -> Res<'a, ()> {
    move |mut input| {
        for kind in kinds {
            (input, _) = tok(kind)(input)?;
        }
        Ok((input, ()))
    }
}

/// The text of exactly this token.
pub(super) fn text_of<'a>(kind: Kind) -> impl Fn(Input<'a>) -> Res<'a, String> {
    move |input| {
        let (rest, _) = tok(kind)(input)?;
        Ok((rest, input.text().into_owned()))
    }
}

/// Whether the token is here; reads it if it is.
pub(super) fn opt_tok<'a>(kind: Kind) -> impl Fn(Input<'a>) -> Res<'a, bool> {
    move |input| Ok(if input.kind(0) == kind { (input.skip(), true) } else { (input, false) })
}

/// The production if its first token is here, and then it must match.
pub(super) fn opt_when<'a, T>(
    first: Kind,
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, Option<T>> {
    move |input| {
        if input.kind(0) != first {
            return Ok((input, None));
        }
        let (rest, value) = production(input)?;
        Ok((rest, Some(value)))
    }
}

/// One or more, with a separator between.
pub(super) fn separated<'a, T>(
    separator: Kind,
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, Vec<T>> {
    move |input| {
        let (mut input, first) = production(input)?;
        let mut values = vec![first];
        while input.kind(0) == separator {
            let (rest, next) = production(input.skip())?;
            values.push(next);
            input = rest;
        }
        Ok((input, values))
    }
}

/// One or more, with commas between.
pub(super) fn comma_list<'a, T>(
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, Vec<T>> {
    separated(Kind::Comma, production)
}

/// One or more, with AND between.
pub(super) fn and_list<'a, T>(
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, Vec<T>> {
    separated(Kind::KAnd, production)
}

/// None or more, with commas between; they are there if the next token may begin one.
pub(super) fn opt_comma_list<'a, T>(
    begins: impl Fn(Kind) -> bool,
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, Vec<T>> {
    let list = comma_list(production);
    move |input| if begins(input.kind(0)) { list(input) } else { Ok((input, Vec::new())) }
}

/// In parentheses.
pub(super) fn parens<'a, T>(
    production: impl Fn(Input<'a>) -> Res<'a, T>,
) -> impl Fn(Input<'a>) -> Res<'a, T> {
    move |input| {
        let (input, _) = tok(Kind::LeftParen)(input)?;
        let (input, value) = production(input)?;
        let (input, _) = tok(Kind::RightParen)(input)?;
        Ok((input, value))
    }
}

/// `IF EXISTS`, or not.
pub(super) fn opt_if_exists(input: Input<'_>) -> Res<'_, bool> {
    let (input, found) = opt_when(Kind::KIf, toks([Kind::KIf, Kind::KExists]))(input)?;
    Ok((input, found.is_some()))
}

/// `IF NOT EXISTS`, or not.
pub(super) fn opt_if_not_exists(input: Input<'_>) -> Res<'_, bool> {
    let (input, found) = opt_when(Kind::KIf, toks([Kind::KIf, Kind::KNot, Kind::KExists]))(input)?;
    Ok((input, found.is_some()))
}
