//! What Cassandra 5.0.6's lexer makes of difficult texts.

use super::*;

/// Kinds and texts of the tokens, and the error if there is one.
fn tokens(text: &str) -> String {
    let source = Source::new(text);
    let mut shown: Vec<String> = source
        .tokens
        .iter()
        .filter(|token| !matches!(token.kind, Kind::Eof | Kind::Error))
        .map(|token| {
            format!("{}@{}:{}={}", token.kind.shown(), token.line, token.column, source.text_of(token))
        })
        .collect();
    shown.extend(source.error.map(|error| error.to_string()));
    shown.join(" | ")
}

fn check(text: &str, expected: &str) {
    assert_eq!(tokens(text), expected, "{text}");
}

#[test]
fn numbers() {
    check("1..2", "INTEGER@1:0=1 | RANGE@1:1=.. | INTEGER@1:3=2");
    check("1...2", "FLOAT@1:0=1. | RANGE@1:2=.. | INTEGER@1:4=2");
    check("-0x12", "INTEGER@1:0=-0 | IDENT@1:2=x12");
    check("0x1g", "HEXNUMBER@1:0=0x1 | IDENT@1:3=g");
    check("1.e5 1E5 -1.5", "FLOAT@1:0=1.e5 | FLOAT@1:5=1E5 | FLOAT@1:9=-1.5");
    check("12 -1 - 1", "INTEGER@1:0=12 | INTEGER@1:3=-1 | '-'@1:6=- | INTEGER@1:8=1");
    check("1e 2", "line 1:2 no viable alternative at character ' '");
    check("1e+ 2", "line 1:3 required (...)+ loop did not match anything at character ' '");
    check("1.e", "line 1:3 required (...)+ loop did not match anything at character '<EOF>'");
    check("12abc 3", "line 1:5 mismatched character ' ' expecting set null");
    check("12abcdef 3", "line 1:8 mismatched character ' ' expecting '-'");
}

#[test]
fn durations() {
    check("1y2mo3w4d5h6m7s8ms9us1ns 2", "DURATION@1:0=1y2mo3w4d5h6m7s8ms9us1ns | INTEGER@1:25=2");
    check("1µs 2", "DURATION@1:0=1µs | INTEGER@1:4=2");
    check("12345678d 1w2d-3", "DURATION@1:0=12345678d | DURATION@1:10=1w2d | INTEGER@1:14=-3");
    check("P1Y2M3DT4H5M6S P1W PT1H", "DURATION@1:0=P1Y2M3DT4H5M6S | DURATION@1:15=P1W | DURATION@1:19=PT1H");
    check("P2020-01-02T10:11:12", "DURATION@1:0=P2020-01-02T10:11:12");
    check(
        "P1 PT PT1 P1X P2020",
        "IDENT@1:0=P1 | IDENT@1:3=PT | IDENT@1:6=PT1 | IDENT@1:10=P1X | IDENT@1:14=P2020",
    );
    check("-P1Y", "DURATION@1:0=-P1Y");
    check("-Px", "line 1:2 no viable alternative at character 'x'");
    check("P2020-01", "line 1:8 mismatched character '<EOF>' expecting '-'");
    check("1h2x 3", "line 1:3 no viable alternative at character 'x'");
    check("1u", "line 1:2 mismatched character '<EOF>' expecting set null");
    check("1d234567", "line 1:8 no viable alternative at character '<EOF>'");
}

#[test]
fn uuids() {
    for uuid in [
        "deadbeef-0000-0000-0000-000000000000",
        "12345678-1234-1234-1234-123456789012",
        "1234567e-1234-1234-1234-123456789012",
        "1d234567-1234-1234-1234-123456789012",
        "add12345-1234-1234-1234-123456789012",
    ] {
        check(uuid, &format!("UUID@1:0={uuid}"));
    }
    check("1234567e-1234", "FLOAT@1:0=1234567e-1234");
    check("12345678-1234", "line 1:13 mismatched character '<EOF>' expecting '-'");
    check("123456789-1234", "INTEGER@1:0=123456789 | INTEGER@1:9=-1234");
    check("deadbeef-0000 3", "line 1:13 mismatched character ' ' expecting '-'");
    check("abc-def cafebabe", "IDENT@1:0=abc | '-'@1:3=- | IDENT@1:4=def | IDENT@1:8=cafebabe");
}

#[test]
fn strings_and_names() {
    check("'a''b'", "STRING_LITERAL@1:0=a'b");
    check("$$a$b$$ $$$$", "STRING_LITERAL@1:0=a$b | STRING_LITERAL@1:8=");
    check(
        "\"\" \"\"\"\" \"a\"\"b\"",
        "EMPTY_QUOTED_NAME@1:0=\"\" | QUOTED_NAME@1:3=\" | QUOTED_NAME@1:8=a\"b",
    );
    check("'é𝄞' x", "STRING_LITERAL@1:0=é𝄞 | IDENT@1:6=x");
    check("'a\nb' x", "STRING_LITERAL@1:0=a\nb | IDENT@2:3=x");
    check("'abc", "line 1:4 mismatched character '<EOF>' expecting '''");
    check("\"", "line 1:1 no viable alternative at character '<EOF>'");
    check("$$a$", "line 1:4 mismatched character '<EOF>' expecting '$'");
    check("$$ab", "line 1:3 mismatched character 'b' expecting '$'");
    check("a$b", "IDENT@1:0=a | line 1:2 mismatched character 'b' expecting '$'");
}

#[test]
fn words() {
    check("expr( EXPR(", "'expr('@1:0=expr( | IDENT@1:6=EXPR | '('@1:10=(");
    check("truex tRue", "IDENT@1:0=truex | BOOLEAN@1:6=tRue");
    check("-nanx nan", "K_NEGATIVE_NAN@1:0=-nan | IDENT@1:4=x | K_POSITIVE_NAN@1:6=nan");
    check("-nax 3", "line 1:3 mismatched character 'x' expecting set null");
    check("schema TABLE tables", "K_SCHEMA@1:0=schema | K_COLUMNFAMILY@1:7=TABLE | K_TABLES@1:13=tables");
    check("_a", "line 1:0 no viable alternative at character '_'");
}

#[test]
fn comments() {
    check("--x\n3 //y\r4/*z*/5", "INTEGER@2:0=3 | INTEGER@2:6=4 | INTEGER@2:12=5");
    check("a -- b", "IDENT@1:0=a | line 1:6 mismatched character '<EOF>' expecting set null");
    check("a /* b", "IDENT@1:0=a | line 1:6 mismatched character '<EOF>' expecting '*'");
}
