//! What a token can be.

/// How a keyword may be used besides its own meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Not an identifier
    Reserved,
    /// An identifier wherever one may stand, also the name of a function or of a type
    Basic,
    /// The name of a native type; also an identifier and the name of a function
    Native,
    /// An identifier, but not the name of a function
    Other,
}

macro_rules! kinds {
    ($($name:ident $shown:literal $class:ident,)*) => {
        /// The kinds of tokens; a `K` in front marks a keyword.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Kind {
            $($name,)*
        }

        impl Kind {
            /// The name that Cassandra's error messages use.
            pub(crate) fn shown(self) -> &'static str {
                match self {
                    $(Self::$name => $shown,)*
                }
            }

            /// How the token may be used if it is a keyword.
            pub(crate) fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)*
                }
            }
        }
    };
}

kinds! {
    Eof "EOF" Reserved,
    Error "<invalid>" Reserved,
    Ident "IDENT" Reserved,
    QuotedName "QUOTED_NAME" Reserved,
    EmptyQuotedName "EMPTY_QUOTED_NAME" Reserved,
    String "STRING_LITERAL" Reserved,
    Integer "INTEGER" Reserved,
    Float "FLOAT" Reserved,
    Boolean "BOOLEAN" Reserved,
    Duration "DURATION" Reserved,
    Uuid "UUID" Reserved,
    Hex "HEXNUMBER" Reserved,
    QMark "QMARK" Reserved,
    Range "RANGE" Reserved,
    Expr "'expr('" Reserved,
    NotEqual "'!='" Reserved,
    Percent "'%'" Reserved,
    LeftParen "'('" Reserved,
    RightParen "')'" Reserved,
    Plus "'+'" Reserved,
    PlusEqual "'+='" Reserved,
    Comma "','" Reserved,
    Minus "'-'" Reserved,
    MinusEqual "'-='" Reserved,
    Dot "'.'" Reserved,
    Slash "'/'" Reserved,
    Colon "':'" Reserved,
    Semicolon "';'" Reserved,
    Less "'<'" Reserved,
    LessEqual "'<='" Reserved,
    Equal "'='" Reserved,
    Greater "'>'" Reserved,
    GreaterEqual "'>='" Reserved,
    LeftBracket "'['" Reserved,
    Star "'\\*'" Reserved,
    RightBracket "']'" Reserved,
    LeftBrace "'{'" Reserved,
    RightBrace "'}'" Reserved,
    Hidden "WS" Reserved,
    KPositiveNan "K_POSITIVE_NAN" Reserved,
    KNegativeNan "K_NEGATIVE_NAN" Reserved,
    KPositiveInfinity "K_POSITIVE_INFINITY" Reserved,
    KNegativeInfinity "K_NEGATIVE_INFINITY" Reserved,
    KAccess "K_ACCESS" Basic,
    KAdd "K_ADD" Reserved,
    KAggregate "K_AGGREGATE" Basic,
    KAggregates "K_AGGREGATES" Basic,
    KAll "K_ALL" Basic,
    KAllow "K_ALLOW" Reserved,
    KAlter "K_ALTER" Reserved,
    KAnd "K_AND" Reserved,
    KAnn "K_ANN" Basic,
    KApply "K_APPLY" Reserved,
    KAs "K_AS" Basic,
    KAsc "K_ASC" Reserved,
    KAscii "K_ASCII" Native,
    KAuthorize "K_AUTHORIZE" Reserved,
    KBatch "K_BATCH" Reserved,
    KBegin "K_BEGIN" Reserved,
    KBigint "K_BIGINT" Native,
    KBlob "K_BLOB" Native,
    KBoolean "K_BOOLEAN" Native,
    KBy "K_BY" Reserved,
    KCalled "K_CALLED" Basic,
    KCast "K_CAST" Other,
    KCidrs "K_CIDRS" Basic,
    KCluster "K_CLUSTER" Basic,
    KClustering "K_CLUSTERING" Basic,
    KColumnfamily "K_COLUMNFAMILY" Reserved,
    KCompact "K_COMPACT" Basic,
    KContains "K_CONTAINS" Basic,
    KCount "K_COUNT" Other,
    KCounter "K_COUNTER" Native,
    KCreate "K_CREATE" Reserved,
    KCustom "K_CUSTOM" Basic,
    KDatacenters "K_DATACENTERS" Basic,
    KDate "K_DATE" Native,
    KDecimal "K_DECIMAL" Native,
    KDefault "K_DEFAULT" Basic,
    KDelete "K_DELETE" Reserved,
    KDesc "K_DESC" Reserved,
    KDescribe "K_DESCRIBE" Reserved,
    KDistinct "K_DISTINCT" Other,
    KDouble "K_DOUBLE" Native,
    KDrop "K_DROP" Reserved,
    KDuration "K_DURATION" Native,
    KEntries "K_ENTRIES" Reserved,
    KExecute "K_EXECUTE" Reserved,
    KExists "K_EXISTS" Basic,
    KFiltering "K_FILTERING" Basic,
    KFinalfunc "K_FINALFUNC" Basic,
    KFloat "K_FLOAT" Native,
    KFrom "K_FROM" Reserved,
    KFrozen "K_FROZEN" Basic,
    KFull "K_FULL" Reserved,
    KFunction "K_FUNCTION" Basic,
    KFunctions "K_FUNCTIONS" Basic,
    KGrant "K_GRANT" Reserved,
    KGroup "K_GROUP" Basic,
    KHashed "K_HASHED" Basic,
    KIdentity "K_IDENTITY" Basic,
    KIf "K_IF" Reserved,
    KIn "K_IN" Reserved,
    KIndex "K_INDEX" Reserved,
    KInet "K_INET" Native,
    KInitcond "K_INITCOND" Basic,
    KInput "K_INPUT" Basic,
    KInsert "K_INSERT" Reserved,
    KInt "K_INT" Native,
    KInternals "K_INTERNALS" Basic,
    KInto "K_INTO" Reserved,
    KIs "K_IS" Reserved,
    KJson "K_JSON" Other,
    KKey "K_KEY" Other,
    KKeys "K_KEYS" Basic,
    KKeyspace "K_KEYSPACE" Reserved,
    KKeyspaces "K_KEYSPACES" Basic,
    KLanguage "K_LANGUAGE" Basic,
    KLike "K_LIKE" Basic,
    KLimit "K_LIMIT" Reserved,
    KList "K_LIST" Basic,
    KLogin "K_LOGIN" Basic,
    KMap "K_MAP" Basic,
    KMasked "K_MASKED" Basic,
    KMaterialized "K_MATERIALIZED" Reserved,
    KMaxwritetime "K_MAXWRITETIME" Other,
    KMbean "K_MBEAN" Basic,
    KMbeans "K_MBEANS" Basic,
    KModify "K_MODIFY" Reserved,
    KNologin "K_NOLOGIN" Basic,
    KNorecursive "K_NORECURSIVE" Reserved,
    KNosuperuser "K_NOSUPERUSER" Basic,
    KNot "K_NOT" Reserved,
    KNull "K_NULL" Reserved,
    KOf "K_OF" Reserved,
    KOn "K_ON" Reserved,
    KOnly "K_ONLY" Basic,
    KOptions "K_OPTIONS" Basic,
    KOr "K_OR" Reserved,
    KOrder "K_ORDER" Reserved,
    KPartition "K_PARTITION" Basic,
    KPassword "K_PASSWORD" Basic,
    KPer "K_PER" Basic,
    KPermission "K_PERMISSION" Basic,
    KPermissions "K_PERMISSIONS" Basic,
    KPrimary "K_PRIMARY" Reserved,
    KRename "K_RENAME" Reserved,
    KReplace "K_REPLACE" Basic,
    KReturns "K_RETURNS" Basic,
    KRevoke "K_REVOKE" Reserved,
    KRole "K_ROLE" Basic,
    KRoles "K_ROLES" Basic,
    KSchema "K_SCHEMA" Reserved,
    KSelect "K_SELECT" Reserved,
    KSelectMasked "K_SELECT_MASKED" Basic,
    KSet "K_SET" Reserved,
    KSfunc "K_SFUNC" Basic,
    KSmallint "K_SMALLINT" Native,
    KStatic "K_STATIC" Basic,
    KStorage "K_STORAGE" Basic,
    KStype "K_STYPE" Basic,
    KSuperuser "K_SUPERUSER" Basic,
    KTables "K_TABLES" Basic,
    KText "K_TEXT" Native,
    KTime "K_TIME" Native,
    KTimestamp "K_TIMESTAMP" Native,
    KTimeuuid "K_TIMEUUID" Native,
    KTinyint "K_TINYINT" Native,
    KTo "K_TO" Reserved,
    KToken "K_TOKEN" Reserved,
    KTrigger "K_TRIGGER" Basic,
    KTruncate "K_TRUNCATE" Reserved,
    KTtl "K_TTL" Other,
    KTuple "K_TUPLE" Basic,
    KType "K_TYPE" Basic,
    KTypes "K_TYPES" Basic,
    KUnlogged "K_UNLOGGED" Reserved,
    KUnmask "K_UNMASK" Basic,
    KUnset "K_UNSET" Basic,
    KUpdate "K_UPDATE" Reserved,
    KUse "K_USE" Reserved,
    KUser "K_USER" Basic,
    KUsers "K_USERS" Basic,
    KUsing "K_USING" Reserved,
    KUuid "K_UUID" Native,
    KValues "K_VALUES" Basic,
    KVarchar "K_VARCHAR" Native,
    KVarint "K_VARINT" Native,
    KVector "K_VECTOR" Basic,
    KView "K_VIEW" Reserved,
    KWhere "K_WHERE" Reserved,
    KWith "K_WITH" Reserved,
    KWritetime "K_WRITETIME" Other,
}

/// Every keyword in lower case, sorted.
const WORDS: [(&str, Kind); 156] = [
    ("access", Kind::KAccess),
    ("add", Kind::KAdd),
    ("aggregate", Kind::KAggregate),
    ("aggregates", Kind::KAggregates),
    ("all", Kind::KAll),
    ("allow", Kind::KAllow),
    ("alter", Kind::KAlter),
    ("and", Kind::KAnd),
    ("ann", Kind::KAnn),
    ("apply", Kind::KApply),
    ("as", Kind::KAs),
    ("asc", Kind::KAsc),
    ("ascii", Kind::KAscii),
    ("authorize", Kind::KAuthorize),
    ("batch", Kind::KBatch),
    ("begin", Kind::KBegin),
    ("bigint", Kind::KBigint),
    ("blob", Kind::KBlob),
    ("boolean", Kind::KBoolean),
    ("by", Kind::KBy),
    ("called", Kind::KCalled),
    ("cast", Kind::KCast),
    ("cidrs", Kind::KCidrs),
    ("cluster", Kind::KCluster),
    ("clustering", Kind::KClustering),
    ("columnfamilies", Kind::KTables),
    ("columnfamily", Kind::KColumnfamily),
    ("compact", Kind::KCompact),
    ("contains", Kind::KContains),
    ("count", Kind::KCount),
    ("counter", Kind::KCounter),
    ("create", Kind::KCreate),
    ("custom", Kind::KCustom),
    ("datacenters", Kind::KDatacenters),
    ("date", Kind::KDate),
    ("decimal", Kind::KDecimal),
    ("default", Kind::KDefault),
    ("delete", Kind::KDelete),
    ("desc", Kind::KDesc),
    ("describe", Kind::KDescribe),
    ("distinct", Kind::KDistinct),
    ("double", Kind::KDouble),
    ("drop", Kind::KDrop),
    ("duration", Kind::KDuration),
    ("entries", Kind::KEntries),
    ("execute", Kind::KExecute),
    ("exists", Kind::KExists),
    ("false", Kind::Boolean),
    ("filtering", Kind::KFiltering),
    ("finalfunc", Kind::KFinalfunc),
    ("float", Kind::KFloat),
    ("from", Kind::KFrom),
    ("frozen", Kind::KFrozen),
    ("full", Kind::KFull),
    ("function", Kind::KFunction),
    ("functions", Kind::KFunctions),
    ("grant", Kind::KGrant),
    ("group", Kind::KGroup),
    ("hashed", Kind::KHashed),
    ("identity", Kind::KIdentity),
    ("if", Kind::KIf),
    ("in", Kind::KIn),
    ("index", Kind::KIndex),
    ("inet", Kind::KInet),
    ("infinity", Kind::KPositiveInfinity),
    ("initcond", Kind::KInitcond),
    ("input", Kind::KInput),
    ("insert", Kind::KInsert),
    ("int", Kind::KInt),
    ("internals", Kind::KInternals),
    ("into", Kind::KInto),
    ("is", Kind::KIs),
    ("json", Kind::KJson),
    ("key", Kind::KKey),
    ("keys", Kind::KKeys),
    ("keyspace", Kind::KKeyspace),
    ("keyspaces", Kind::KKeyspaces),
    ("language", Kind::KLanguage),
    ("like", Kind::KLike),
    ("limit", Kind::KLimit),
    ("list", Kind::KList),
    ("login", Kind::KLogin),
    ("map", Kind::KMap),
    ("masked", Kind::KMasked),
    ("materialized", Kind::KMaterialized),
    ("maxwritetime", Kind::KMaxwritetime),
    ("mbean", Kind::KMbean),
    ("mbeans", Kind::KMbeans),
    ("modify", Kind::KModify),
    ("nan", Kind::KPositiveNan),
    ("nologin", Kind::KNologin),
    ("norecursive", Kind::KNorecursive),
    ("nosuperuser", Kind::KNosuperuser),
    ("not", Kind::KNot),
    ("null", Kind::KNull),
    ("of", Kind::KOf),
    ("on", Kind::KOn),
    ("only", Kind::KOnly),
    ("options", Kind::KOptions),
    ("or", Kind::KOr),
    ("order", Kind::KOrder),
    ("partition", Kind::KPartition),
    ("password", Kind::KPassword),
    ("per", Kind::KPer),
    ("permission", Kind::KPermission),
    ("permissions", Kind::KPermissions),
    ("primary", Kind::KPrimary),
    ("rename", Kind::KRename),
    ("replace", Kind::KReplace),
    ("returns", Kind::KReturns),
    ("revoke", Kind::KRevoke),
    ("role", Kind::KRole),
    ("roles", Kind::KRoles),
    ("schema", Kind::KSchema),
    ("select", Kind::KSelect),
    ("select_masked", Kind::KSelectMasked),
    ("set", Kind::KSet),
    ("sfunc", Kind::KSfunc),
    ("smallint", Kind::KSmallint),
    ("static", Kind::KStatic),
    ("storage", Kind::KStorage),
    ("stype", Kind::KStype),
    ("superuser", Kind::KSuperuser),
    ("table", Kind::KColumnfamily),
    ("tables", Kind::KTables),
    ("text", Kind::KText),
    ("time", Kind::KTime),
    ("timestamp", Kind::KTimestamp),
    ("timeuuid", Kind::KTimeuuid),
    ("tinyint", Kind::KTinyint),
    ("to", Kind::KTo),
    ("token", Kind::KToken),
    ("trigger", Kind::KTrigger),
    ("true", Kind::Boolean),
    ("truncate", Kind::KTruncate),
    ("ttl", Kind::KTtl),
    ("tuple", Kind::KTuple),
    ("type", Kind::KType),
    ("types", Kind::KTypes),
    ("unlogged", Kind::KUnlogged),
    ("unmask", Kind::KUnmask),
    ("unset", Kind::KUnset),
    ("update", Kind::KUpdate),
    ("use", Kind::KUse),
    ("user", Kind::KUser),
    ("users", Kind::KUsers),
    ("using", Kind::KUsing),
    ("uuid", Kind::KUuid),
    ("values", Kind::KValues),
    ("varchar", Kind::KVarchar),
    ("varint", Kind::KVarint),
    ("vector", Kind::KVector),
    ("view", Kind::KView),
    ("where", Kind::KWhere),
    ("with", Kind::KWith),
    ("writetime", Kind::KWritetime),
];

/// The kind of a word: a keyword in any case, else [`Kind::Ident`].
pub(crate) fn classify(word: &[u8]) -> Kind {
    const LONGEST: usize = 14;
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..word.len()) else {
        return Kind::Ident;
    };
    for (to, from) in lower.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    WORDS
        .binary_search_by(|(keyword, _)| keyword.as_bytes().cmp(lower))
        .map_or(Kind::Ident, |found| WORDS[found].1)
}

impl Kind {
    /// A keyword that may be used as an identifier.
    pub(crate) fn is_unreserved(self) -> bool {
        self.class() != Class::Reserved
    }

    /// May stand where an identifier is wanted.
    pub(crate) fn is_identifier(self) -> bool {
        matches!(self, Self::Ident | Self::QuotedName) || self.is_unreserved()
    }

    /// May stand where a column is named; `""` too, outside of definitions.
    pub(crate) fn is_column(self) -> bool {
        self == Self::EmptyQuotedName || self.is_identifier()
    }

    /// May name a function.
    pub(crate) fn is_function_name(self) -> bool {
        matches!(self, Self::Ident | Self::QuotedName | Self::KToken | Self::KCount)
            || matches!(self.class(), Class::Basic | Class::Native)
    }

    /// A literal of a scalar type.
    pub(crate) fn is_constant(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::Integer
                | Self::Float
                | Self::Boolean
                | Self::Duration
                | Self::Uuid
                | Self::Hex
        ) || self.is_special_float()
    }

    /// NaN or an infinity.
    pub(crate) fn is_special_float(self) -> bool {
        matches!(
            self,
            Self::KPositiveNan | Self::KNegativeNan | Self::KPositiveInfinity | Self::KNegativeInfinity
        )
    }

    /// May begin a term, and just so a selector.
    pub(crate) fn starts_term(self) -> bool {
        matches!(
            self,
            Self::KNull
                | Self::QMark
                | Self::Colon
                | Self::LeftParen
                | Self::LeftBracket
                | Self::LeftBrace
                | Self::Minus
                | Self::KToken
        ) || self.is_constant()
            || self.is_identifier()
    }

    /// `= < <= > >= !=`
    pub(crate) fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual | Self::NotEqual
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted() {
        assert!(WORDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(WORDS.iter().all(|(word, kind)| classify(word.to_uppercase().as_bytes()) == *kind));
        assert_eq!(classify(b"materialize"), Kind::Ident);
        assert_eq!(classify(b"a_word_longer_than_any_keyword"), Kind::Ident);
    }
}
