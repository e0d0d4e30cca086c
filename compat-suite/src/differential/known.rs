//! Differences that are known and stay, each with a rule that recognizes nothing else and the reason why it stays.

use super::outcome::Outcome;
use super::text::Statement;

/// What both answered to a statement.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// What was asked.
    pub statement: &'a Statement,
    /// Cassandra's answer.
    pub theirs: &'a Outcome,
    /// Our answer.
    pub ours: &'a Outcome,
    /// What Cassandra answered to the same statement just before, without pages; none where that was not asked.
    pub their_whole: Option<&'a Outcome>,
}

/// A difference that is known.
pub struct Known {
    /// How the report calls it.
    pub name: &'static str,
    /// Why it stays.
    pub reason: &'static str,
    /// Whether this is it.
    pub is: fn(&Answers<'_>) -> bool,
}

/// All of them.
pub const KNOWN: [Known; 19] = [
    Known {
        name: "either of equal decimals",
        reason: "1.0 and 1.00 are one clustering value, element or key; which of them a merge keeps depends in \
                 Cassandra on the order of its SSTables in a heap",
        is: is_either_of_equals,
    },
    Known {
        name: "scale of log10",
        reason: "The library that computes log10 of a decimal keeps log(10) in as many digits as it was last asked for, by \
                 whomever, and they decide the scale of a result of 0: Cassandra gives several within one answer",
        is: |answers| answers.statement.text.contains("log10(") && are_equal(answers),
    },
    Known {
        name: "pages of groups",
        reason: "Cassandra counts groups wrongly from page to page, down to numbers below 0; Helenus gives on pages what \
                 Cassandra gives without them",
        is: is_right_on_pages,
    },
    Known {
        name: "sign of a NaN",
        reason: "Which sign a NaN has that comes out of other NaNs depends on how Java compiled the sum so far",
        is: |answers| {
            let unsigned = |outcome: &Outcome| -> Vec<String> {
                let unsigned = |line: &String| line.replace("fff8000000000000", "7ff8000000000000");
                outcome.lines.iter().map(|line| unsigned(line).replace("ffc00000", "7fc00000")).collect()
            };
            unsigned(answers.theirs) == unsigned(answers.ours)
        },
    },
    Known {
        name: "order of whole rows as JSON",
        reason: "Cassandra puts the rows of several partitions in order by the text of their JSON where all columns are \
                 selected, as it has nothing else; Helenus by the columns that are asked for",
        is: is_json_in_order,
    },
    Known {
        name: "no bytes for a boolean",
        reason: "Cassandra fails with a NullPointerException where it makes JSON of a boolean without bytes; Helenus \
                 writes \"\", as for other types",
        is: is_empty_boolean,
    },
    Known {
        name: "no bytes for a tuple",
        reason: "Cassandra fails with an IndexOutOfBoundsException where it makes JSON of a tuple without bytes; Helenus \
                 writes a null for each part, as for user types",
        is: |answers| is_failure(answers, &["java.lang.IndexOutOfBoundsException", "TupleType.toJSONString"]),
    },
    Known {
        name: "groups that end in a range tombstone",
        reason: "Cassandra's replica fails with an assertion of its own where the limit of groups is reached within a \
                 range tombstone, before a row of it",
        is: |answers| {
            answers.statement.kind == "select group by"
                && is_failure(answers, &["RTBoundCloser$RowsTransformation.moreContents"])
        },
    },
    Known {
        name: "rows of compact tables deleted in a batch with conditions",
        reason: "Cassandra looks for a clustering that such a row does not have, and fails with a NoSuchElementException \
                 before it looks at anything else",
        is: |answers| has_stack(answers, &["NoSuchElementException", "BatchStatement.makeCasRequest"]),
    },
    Known {
        name: "fields that a stored value lacks",
        reason: "A frozen user type that was written before a field was added has no such field: Cassandra fails with an \
                 ArrayIndexOutOfBoundsException where a condition asks for it; to Helenus it is null",
        is: |answers| {
            has_stack(
                answers,
                &["ArrayIndexOutOfBoundsException", "ColumnCondition$UDTFieldAccessBound.rowValue"],
            )
        },
    },
    Known {
        name: "an unset value appended to a list",
        reason: "Cassandra fails with a ClassCastException; Helenus leaves the list as it is",
        is: |answers| is_failure(answers, &["java.lang.ClassCastException", "Lists$Appender.doAppend"]),
    },
    Known {
        name: "an empty value for several columns",
        reason: "After a relation to several columns with IN, one of whose values has no bytes, Cassandra takes a value of \
                 the next column for unset, as its mark of an unset value has no bytes either",
        is: is_empty_among_several,
    },
    Known {
        name: "a tuple as a bound beside several columns",
        reason: "Where a bound of several columns meets a bound of one, which is a tuple, Cassandra takes the parts of the \
                 tuple for the columns' values, and fails where it compares them",
        is: |answers| {
            is_failure(answers, &["IndexOutOfBoundsException", "TupleType.compareCustom", "Slice.isEmpty"])
        },
    },
    Known {
        name: "values of maps compared as keys",
        reason: "In conditions on elements of maps Cassandra compares values in the order of the keys' type, which fails for \
                 values that are too short for it",
        is: |answers| {
            is_failure(
                answers,
                &["IndexOutOfBoundsException", "ColumnCondition$ElementAccessBound.isSatisfiedBy"],
            )
        },
    },
    Known {
        name: "deleted elements of a static set or map",
        reason: "Cassandra finds what a static set or map contains among deleted elements too, as long as they are not purged: \
                 it gives such rows where the partition is named, and counts them for limits and pages where it is not",
        is: has_deleted_elements,
    },
    Known {
        name: "deleted elements of a static list",
        reason: "Cassandra's replica looks for what a static list contains among deleted elements too, which have no bytes: \
                 with smallint and tinyint that is an IndexOutOfBoundsException",
        is: |answers| {
            is_failure(answers, &["ShortType.compareCustom", "RowFilter$"])
                || is_failure(answers, &["ByteType.compareCustom", "RowFilter$"])
        },
    },
    Known {
        name: "cells younger than the drop of their column",
        reason: "Cassandra's replica fails to read rows that have cells of a dropped column with a timestamp after the \
                 drop; Helenus leaves such cells out",
        is: |answers| {
            is_failure(
                answers,
                &["IllegalStateException", "is not a subset of", "Columns$Serializer.encodeBitmap"],
            ) || is_failure(
                answers,
                &["Row$Merger$ColumnDataReducer.getReduced", "\"this.complexBuilder\" is null"],
            ) || is_failure(answers, &["Cell$Serializer.serialize", "because \"column\" is null"])
        },
    },
    Known {
        name: UNREADABLE,
        reason: "After the drop of a column that is a collection Cassandra's replica may answer with rows that its \
                 coordinator cannot read, or reads wrongly",
        is: |answers| {
            is_failure(answers, &["java.io.EOFException", "UnfilteredRowIteratorSerializer$1.computeNext"])
        },
    },
    Known {
        name: "which of two columns is named",
        reason: "Where a relation to several columns meets relations to each of them, Cassandra names the column that a \
                 hash set of objects hands out first",
        is: is_other_column,
    },
];

/// After it nothing that Cassandra reads of the table says anything: it may give bytes of one column as another's.
pub const UNREADABLE: &str = "what a replica wrote after a drop";

/// The known difference that this is.
pub fn find(answers: &Answers<'_>) -> Option<&'static Known> {
    KNOWN.iter().find(|known| (known.is)(answers))
}

fn is_either_of_equals(answers: &Answers<'_>) -> bool {
    answers.statement.has_equals && are_equal(answers)
}

/// Whether both answers are the same but for how decimals are written.
fn are_equal(answers: &Answers<'_>) -> bool {
    let text = &answers.statement.text;
    let are_bytes = text.contains("decimalasblob(") || text.contains("decimal_as_blob(");
    let canonical = |outcome: &Outcome| -> Vec<String> {
        let types = outcome.types.iter().map(|of| match of.as_str() {
            "blob" if are_bytes => "decimal".to_owned(),
            _ => of.clone(),
        });
        let types: Vec<String> = types.collect();
        outcome.lines.iter().map(|line| canonical(line, &types)).collect()
    };
    canonical(answers.theirs) == canonical(answers.ours)
}

fn is_right_on_pages(answers: &Answers<'_>) -> bool {
    answers.statement.kind == "select group by"
        && answers.statement.page_size.is_some()
        && answers.their_whole.is_some_and(|whole| {
            !whole.is_error && !answers.ours.is_error && whole.rows().eq(answers.ours.rows())
        })
}

/// Whether both have the same rows, or where a limit leaves only some, as many.
fn is_json_in_order(answers: &Answers<'_>) -> bool {
    let Answers { statement: Statement { text, .. }, theirs, ours, .. } = answers;
    let is_asked =
        text.starts_with("SELECT JSON * ") && text.contains(" ORDER BY ") && text.contains(" IN (");
    let sorted = |outcome: &Outcome| {
        let mut rows: Vec<String> = outcome.rows().map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    };
    // A text is no value of the type by which it is compared.
    let is_failed = |line: &String| line.starts_with("error 0000 java.lang.IndexOutOfBoundsException");
    if is_asked && !ours.is_error && theirs.lines.last().is_some_and(is_failed) {
        return true;
    }
    let (theirs, ours) = (sorted(theirs), sorted(ours));
    is_asked && (theirs == ours || (text.contains(" LIMIT ") && theirs.len() == ours.len()))
}

/// Whether a static set or map is asked for what it contains, and all our rows are among theirs, in their order, or
/// where rows are counted all theirs among ours.
fn has_deleted_elements(answers: &Answers<'_>) -> bool {
    let Answers { statement, theirs, ours, .. } = answers;
    let is_asked = statement.static_sets.iter().any(|name| {
        let text = &statement.text;
        text.contains(&format!(" {name} CONTAINS ")) && statement.kind != "select aggregates"
    });
    // What is selected of a row too many may fail.
    let is_failed_call = theirs.lines.last().is_some_and(|line| line.starts_with("error 1400 "));
    let is_limited = statement.text.contains(" LIMIT ") || statement.page_size.is_some();
    let are_among = |some: &Outcome, all: &Outcome| {
        let mut rest = all.rows();
        some.rows().all(|row| rest.any(|other| other == row))
    };
    let is_so = is_failed_call
        || (!theirs.is_error && (are_among(ours, theirs) || (is_limited && are_among(theirs, ours))));
    is_asked && !ours.is_error && is_so
}

fn is_other_column(answers: &Answers<'_>) -> bool {
    const END: &str = " cannot be restricted by more than one relation if it includes a";
    // The columns that are named, and what is said of them.
    let parts = |outcome: &Outcome| {
        let line = outcome.lines.last()?.strip_prefix("error 2200 ")?;
        let (names, rest) = line.split_once(END)?;
        let mut names: Vec<String> = names.split(" ,").map(str::to_owned).collect();
        names.sort_unstable();
        Some((names, rest.to_owned()))
    };
    let text = &answers.statement.text;
    let names_several =
        ["=", "IN", "<", "<=", ">", ">="].iter().any(|operator| text.contains(&format!(") {operator} (")));
    let (Some(theirs), Some(ours)) = (parts(answers.theirs), parts(answers.ours)) else { return false };
    names_several && theirs.1 == ours.1 && (theirs.0 == ours.0 || theirs.1 == "n Equal")
}

/// Whether they failed with all of that in the stack, where ours did not.
fn is_failure(answers: &Answers<'_>, stack: &[&str]) -> bool {
    !answers.ours.is_error && has_stack(answers, stack)
}

/// Whether they failed with all of that in the stack.
fn has_stack(answers: &Answers<'_>, stack: &[&str]) -> bool {
    let cause = answers.theirs.cause.as_deref().unwrap_or_default();
    stack.iter().all(|part| cause.contains(part))
}

fn is_empty_among_several(answers: &Answers<'_>) -> bool {
    let Answers { statement, theirs, ours, .. } = answers;
    let is_refused = theirs
        .lines
        .last()
        .is_some_and(|line| line.starts_with("error 2200 Invalid unset value for column "));
    let has_unset = statement.values.values.iter().any(|(_, value)| value.is_none());
    is_refused && !ours.is_error && !has_unset && statement.text.contains(") IN (")
}

fn is_empty_boolean(answers: &Answers<'_>) -> bool {
    const FAILURE: &str =
        "error 0000 java.lang.NullPointerException: Cannot invoke \"java.lang.Boolean.toString()\"";
    !answers.ours.is_error && answers.theirs.lines.last().is_some_and(|line| line.starts_with(FAILURE))
}

/// A row with its decimals, also those within others and in texts, without zeros that mean nothing; any other line as it
/// is.
fn canonical(line: &str, types: &[String]) -> String {
    let values: Vec<&str> = line.split(", ").collect();
    if values.len() != types.len() {
        return line.to_owned();
    }
    let values = values.iter().zip(types).map(|(value, of)| match of.as_str() {
        "decimal" => canonical_decimal(value).unwrap_or_else(|| (*value).to_owned()),
        "text" => canonical_text(value).unwrap_or_else(|| (*value).to_owned()),
        of if of.contains("decimal") => value.replace("0000000264", "000000010a"),
        _ => (*value).to_owned(),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// The bytes of a hex number of so many digits at most.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(pair).collect()
}

/// A decimal's shortest form, such as `2 * 10^0`; none where it is none or too long to matter.
fn canonical_decimal(hex: &str) -> Option<String> {
    let bytes = bytes(hex)?;
    let (scale, unscaled) = bytes.split_first_chunk::<4>()?;
    if unscaled.is_empty() || unscaled.len() > 16 {
        return None;
    }
    let negative = unscaled.first()? & 0x80 != 0;
    let mut number = unscaled
        .iter()
        .fold(if negative { -1i128 } else { 0 }, |number, byte| number.wrapping_shl(8) | i128::from(*byte));
    let mut scale = i32::from_be_bytes(*scale);
    while number != 0 && number % 10 == 0 {
        number /= 10;
        scale = scale.wrapping_sub(1);
    }
    Some(format!("{number} * 10^-{}", if number == 0 { 0 } else { scale }))
}

/// A text without the zeros at the end of fractions.
fn canonical_text(hex: &str) -> Option<String> {
    let text = String::from_utf8(bytes(hex)?).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(point) = rest.find('.') {
        let (before, after) = rest.split_at(point);
        let digits = after.get(1..)?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (fraction, after) = digits.split_at(end);
        let is_number = before.ends_with(|c: char| c.is_ascii_digit()) && !fraction.is_empty();
        let fraction = if is_number { fraction.trim_end_matches('0') } else { fraction };
        out.push_str(before);
        if !(is_number && fraction.is_empty()) {
            out.push('.');
        }
        out.push_str(fraction);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_decimals_look_the_same() {
        let types = ["decimal".to_owned(), "text".to_owned(), "set<decimal>".to_owned()];
        let one = canonical("000000010a, 7b2261223a20312e307d, 0000000100000005000000010a", &types);
        let same = canonical("0000000264, 7b2261223a20312e30307d, 00000001000000050000000264", &types);
        assert_eq!(one, same);
        assert_ne!(one, canonical("000000010b, 7b2261223a20312e307d, 0000000100000005000000010a", &types));
        assert_eq!(canonical("0000000264", &types), "0000000264");
    }

    #[test]
    fn decimals_lose_their_zeros_only() {
        assert_eq!(canonical_decimal("000000010a"), canonical_decimal("0000000001"));
        assert_eq!(canonical_decimal("00000001f6"), canonical_decimal("00000000ff"));
        assert_ne!(canonical_decimal("00000001f6"), canonical_decimal("000000010a"));
        assert_eq!(canonical_decimal("0000"), None);
    }
}
