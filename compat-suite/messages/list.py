"""Lists the message literals in Cassandra's packages cql3, schema, auth and db.guardrails, and which golden script reaches each.

    list.py SOURCE      SOURCE: the folder org/apache/cassandra of Cassandra's Java source

writes messages.txt anew: a line for each literal, its file, the literal with %s for what is filled in, and, apart by
tabulators, `reached SCRIPT`, `later PART` (a part of Helenus that is not there yet reaches it) or `never REASON`. What
stood there is kept, unless a script reaches the literal now; a new literal gets `?`, for somebody to look at.
`cargo test --test it messages` holds the list against the scripts.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent.parent / "tests/data/golden"
THROWERS = (r"(?:new (?:InvalidRequest|Configuration|Syntax|Marshal|FunctionExecution|OperationExecution|Unauthorized"
            r"|AlreadyExists|KeyspaceNotDefined)Exception|invalidRequest|ire|fail|check\w+|ClientWarn\.instance\.warn"
            r"|\w*[wW]arnings?\.add|recognitionException)\s*\(")
# Guardrails make their messages apart from where they throw them.
FORMATS = r"\bformat\s*\("
FOLDERS = {"cql3": THROWERS, "schema": THROWERS, "auth": THROWERS, "db/guardrails": f"(?:{THROWERS}|{FORMATS})"}
CONSTANT = r"static final String \w+\s*=\s*(\"(?:[^\"\\]|\\.)*\"(?:\s*\+\s*\"(?:[^\"\\]|\\.)*\")*)\s*;"
LITERAL = r"\"((?:[^\"\\]|\\.)*)\""


def without_comments(java):
    blank = lambda match: match[0] if match[0].startswith('"') else re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"\"(?:[^\"\\\n]|\\.)*\"|/\*.*?\*/|//[^\n]*", blank, java, flags=re.S)


def arguments(java, start):
    """The top-level arguments of the call whose parenthesis opened before `start`."""
    parts, depth, at, begin = [], 1, start, start
    while depth and at < len(java):
        char = java[at]
        if char == '"':
            at += re.compile(LITERAL).match(java, at).end() - at - 1
        elif char == "'":
            at += 3 if java[at + 1] == "\\" else 2
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 1:
            parts.append(java[begin:at])
            begin = at + 1
        at += 1
    parts.append(java[begin:at - 1])
    return parts


def pattern(expression):
    """The text of an expression: literals as they are, %s for anything between them."""
    call = re.match(r"\s*(?:String\.)?format\s*\(", expression)
    if call:
        return pattern(arguments(expression, call.end())[0])
    literals = list(re.finditer(LITERAL, expression))
    if not literals:
        return None
    out, end = "", 0
    for literal in literals:
        between = expression[end:literal.start()].strip().strip("+").strip()
        out += "%s" if between else ""
        out += literal[1].encode().decode("unicode_escape")
        end = literal.end()
    out += "%s" if expression[end:].strip().strip("+").strip() else ""
    return re.sub(r"%[-\d.]*[a-zA-Z]|\{\}", "%s", out.replace("%%", "%")).replace("\n", "\\n").replace("\t", " ")


def messages(java, throwers):
    java = without_comments(java)
    for call in re.finditer(throwers, java):
        for argument in arguments(java, call.end()):
            text = pattern(argument)
            if text and len(text.replace("%s", "").strip()) > 5:
                yield text
                break
    for constant in re.finditer(CONSTANT, java):
        text = pattern(constant[1])
        if text.strip().count(" ") > 2:
            yield text


def matches(text, message):
    at = 0
    for part in text.split("%s"):
        at = message.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def main():
    source, path = pathlib.Path(sys.argv[1]), HERE / "messages.txt"
    known = {}
    if path.exists():
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                file, text, state = line.split("\t")
                known[file, text] = state
    recorded = []
    for script in sorted(GOLDEN.glob("*.cql")):
        found = re.findall(r"^--> (?:error [0-9a-f]{4}|warning) (.*)", script.read_text(), re.M)
        recorded += [(script.stem, message) for message in found]
    out = ["# Message literals of Cassandra 5.0.6, and what reaches them: list.py writes this file, and says how."]
    for folder, throwers in FOLDERS.items():
        for file in sorted((source / folder).rglob("*.java")):
            name = str(file.relative_to(source))
            if file.stem in ("Cql_Parser", "Cql_Lexer"):
                continue
            for text in dict.fromkeys(messages(file.read_text(), throwers)):
                state = known.get((name, text), "?")
                reaching = [script for script, message in recorded if matches(text, message)]
                if reaching and state.split()[0] in ("?", "later", "never", "reached"):
                    old = state.removeprefix("reached ")
                    state = f"reached {old if old in reaching else reaching[0]}"
                elif state.startswith("reached"):
                    state = "?"
                out.append("\t".join((name, text, state)))
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
