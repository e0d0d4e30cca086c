#!/usr/bin/env python3
"""Records what a node answers to raw bytes: record.py HOST PORT > wire.txt

Each case is a connection: what is sent, what comes back within a moment, and whether the node closed it.
    case NAME
    > HEX            one write; HH*COUNT among spaces is a byte that repeats
    < HEX            what came back (nothing: the line is empty after <)
    closed | open
The test `protocol::tests::recorded` plays the cases against a fake service and compares.
"""
import re, socket, struct, sys, zlib

HOST, PORT = sys.argv[1], int(sys.argv[2])

def string(s):
    b = s.encode()
    return struct.pack('>H', len(b)) + b

def long_string(s):
    b = s.encode()
    return struct.pack('>i', len(b)) + b

def string_map(m):
    return struct.pack('>H', len(m)) + b''.join(string(k) + string(v) for k, v in m.items())

def env(version, opcode, body=b'', flags=0, stream=1, length=None):
    return struct.pack('>BBhBi', version, flags, stream, opcode, len(body) if length is None else length) + body

def crc24(data):
    crc = 0x875060
    for b in data:
        crc ^= b << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1974F0B
    return crc & 0xffffff

def crc32(data):
    return zlib.crc32(data, zlib.crc32(b'\xfa\x2d\x55\xca'))

def frame(payload, self_contained=True, bad_header=False, bad_payload=False):
    h = struct.pack('<I', len(payload) | (1 << 17 if self_contained else 0))[:3]
    c = struct.pack('<I', crc24(h) ^ (1 if bad_header else 0))[:3]
    return h + c + payload + struct.pack('<I', crc32(payload) ^ (1 if bad_payload else 0))

CQL = {'CQL_VERSION': '3.0.0'}
def startup(v, m=CQL, **kw):
    return env(v, 1, string_map(m), **kw)

def query(v, cql, cl=1, flags=0, rest=b'', **kw):
    return env(v, 7, long_string(cql) + struct.pack('>H', cl) + (struct.pack('>I', flags) if v >= 5 else struct.pack('>B', flags)) + rest, **kw)

OPT = 5
SEL = "SELECT key FROM system.local"
cases = []
def case(name, *sends):
    cases.append((name, sends))

for v in (3, 4, 5):
    case(f'options-v{v}', env(v, OPT))
    case(f'startup-v{v}', startup(v))
    case(f'startup-lowercase-keys-v{v}', startup(v, {'cql_version': '3.4.5', 'driver_name': 'x'}))
    case(f'startup-no-version-v{v}', startup(v, {'COMPRESSION': 'lz4'}), env(v, OPT))
    case(f'startup-old-cql-v{v}', startup(v, {'CQL_VERSION': '2.0.0'}), env(v, OPT))
    case(f'startup-bad-cql-v{v}', startup(v, {'CQL_VERSION': 'abc'}))
    case(f'startup-unknown-compression-v{v}', startup(v, {'CQL_VERSION': '3.0.0', 'COMPRESSION': 'zip'}), env(v, OPT))
    case(f'startup-snappy-v{v}', startup(v, {'CQL_VERSION': '3.0.0', 'COMPRESSION': 'snappy'}))
    case(f'query-before-startup-v{v}', query(v, SEL), env(v, OPT))
    case(f'register-before-startup-v{v}', env(v, 11, struct.pack('>H', 0)))
    case(f'auth-before-startup-v{v}', env(v, 15, struct.pack('>i', 0)))
    case(f'truncated-startup-v{v}', env(v, 1, b'\0\1\0\5ab'))
    case(f'startup-empty-body-v{v}', env(v, 1))
    case(f'unknown-opcode-before-startup-v{v}', env(v, 0x20), env(v, OPT))
    case(f'response-opcode-before-startup-v{v}', env(v, 8))
    case(f'response-direction-v{v}', env(v | 0x80, OPT))
    case(f'credentials-before-startup-v{v}', env(v, 4))
    case(f'two-options-v{v}', env(v, OPT, stream=7) + env(v, OPT, stream=-3))
for v in (0, 1, 2, 6, 7, 64, 65, 66, 127):
    case(f'version-{v}', env(v, OPT))
    case(f'version-startup-{v}', startup(v))
case('version-6-beta', env(6, OPT, flags=0x10))
case('version-66-one-byte', b'\x42')
case('version-2-short-header', bytes([2, 0, 1, 5, 0, 0, 0, 0]))
case('http', b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
case('garbage', bytes(range(256)))
case('tls-hello', bytes.fromhex('16030100c8010000c40303'))
case('partial-header', b'\x04\0\0')
case('partial-body', env(4, OPT, b'ab', length=10))

for v in (3, 4):
    def ready(name, *sends):
        case(f'{name}-v{v}', startup(v), *sends)
    ready('options-after', env(v, OPT))
    ready('startup-twice', startup(v), env(v, OPT))
    ready('unknown-opcode', env(v, 0x20), env(v, OPT))
    ready('negative-opcode', env(v, 0xff), env(v, OPT))
    ready('response-opcode', env(v, 0), env(v, OPT))
    ready('response-direction-after', env(v | 0x80, OPT), env(v, OPT))
    ready('response-direction-result', env(v | 0x80, 8), env(v, OPT))
    ready('credentials', env(v, 4, string_map({})), env(v, OPT))
    ready('other-version', env(7 - v, OPT), env(v, OPT))
    ready('version-66-after', env(66, OPT), env(v, OPT))
    ready('version-2-after', env(2, OPT), env(v, OPT))
    ready('version-5-after', env(5, OPT), env(v, OPT))
    ready('query-empty-body', env(v, 7), env(v, OPT))
    ready('query-truncated-text', env(v, 7, b'\0\0\0\x10abc'), env(v, OPT))
    ready('query-no-consistency', env(v, 7, long_string(SEL)), env(v, OPT))
    ready('query-no-flags', env(v, 7, long_string(SEL) + b'\0\1'), env(v, OPT))
    ready('query-negative-length', env(v, 7, struct.pack('>i', -1)), env(v, OPT))
    ready('query-huge-length', env(v, 7, struct.pack('>i', 2**31 - 1)), env(v, OPT))
    ready('query-bad-utf8', env(v, 7, b'\0\0\0\2\xc3\x28\0\1\0'), env(v, OPT))
    ready('query-consistency-12', query(v, SEL, cl=12), env(v, OPT))
    ready('query-consistency-65535', query(v, SEL, cl=65535), env(v, OPT))
    ready('query-page-size-0', query(v, SEL, flags=4, rest=struct.pack('>i', 0)), env(v, OPT))
    ready('query-min-timestamp', query(v, SEL, flags=0x20, rest=struct.pack('>q', -2**63)), env(v, OPT))
    ready('query-value-length-minus-3', query(v, SEL, flags=1, rest=struct.pack('>Hi', 1, -3)), env(v, OPT))
    ready('query-truncated-value', query(v, SEL, flags=1, rest=struct.pack('>Hi', 1, 30)), env(v, OPT))
    ready('query-missing-values', query(v, SEL, flags=1, rest=struct.pack('>H', 3)), env(v, OPT))
    ready('query-truncated-page-size', query(v, SEL, flags=4, rest=b'\0'), env(v, OPT))
    ready('query-truncated-paging-state', query(v, SEL, flags=8, rest=struct.pack('>i', 5)), env(v, OPT))
    ready('query-truncated-name', query(v, SEL, flags=0x41, rest=struct.pack('>HH', 1, 5)), env(v, OPT))
    ready('execute-empty', env(v, 10), env(v, OPT))
    ready('execute-truncated-id', env(v, 10, b'\0\x10abc'), env(v, OPT))
    ready('prepare-empty', env(v, 9), env(v, OPT))
    ready('batch-empty', env(v, 13), env(v, OPT))
    ready('batch-bad-type', env(v, 13, b'\x05\0\0\0\1\0'), env(v, OPT))
    ready('batch-bad-kind', env(v, 13, b'\0\0\1\7'), env(v, OPT))
    ready('batch-bad-type-and-kind', env(v, 13, b'\x05\0\1\7'), env(v, OPT))
    ready('register-empty', env(v, 11, struct.pack('>H', 0)), env(v, OPT))
    ready('register-all', env(v, 11, struct.pack('>H', 3) + string('TOPOLOGY_CHANGE') + string('status_change') + string('SCHEMA_CHANGE')), env(v, OPT))
    ready('register-unknown', env(v, 11, struct.pack('>H', 1) + string('Nonsense')), env(v, OPT))
    ready('register-trace', env(v, 11, struct.pack('>H', 1) + string('TRACE_COMPLETE')), env(v, OPT))
    ready('register-truncated', env(v, 11, struct.pack('>H', 2) + string('STATUS_CHANGE')), env(v, OPT))
    ready('register-no-body', env(v, 11), env(v, OPT))
    ready('auth-response', env(v, 15, struct.pack('>i', 0)), env(v, OPT))
    ready('auth-response-null', env(v, 15, struct.pack('>i', -1)), env(v, OPT))
    ready('custom-payload', env(v, OPT, struct.pack('>H', 1) + string('k') + struct.pack('>i', 1) + b'v', flags=4), env(v, OPT))
    ready('compressed-without-compressor', env(v, OPT, b'abc', flags=1), env(v, OPT))
    ready('beta-flag', env(v, OPT, flags=0x10))
    ready('unknown-flags', env(v, OPT, flags=0xe0))
    ready('too-big', env(v, OPT, b'x' * 100, length=2**31 - 1), env(v, OPT))
    ready('negative-length', env(v, OPT, b'x' * 100, length=-1), env(v, OPT))
    ready('trailing-bytes', env(v, OPT, b'xyz'), env(v, OPT))
    LZ4 = {'CQL_VERSION': '3.0.0', 'COMPRESSION': 'lz4'}
    case(f'lz4-options-v{v}', startup(v, LZ4), env(v, OPT))
    case(f'lz4-garbage-v{v}', startup(v, LZ4), env(v, 7, b'\0\0\1\0garbage', flags=1), env(v, OPT))
    case(f'lz4-short-v{v}', startup(v, LZ4), env(v, 7, b'\0', flags=1), env(v, OPT))
    case(f'lz4-empty-v{v}', startup(v, LZ4), env(v, OPT, flags=1))
    SNAPPY = {'CQL_VERSION': '3.0.0', 'COMPRESSION': 'SNAPPY'}
    case(f'snappy-options-v{v}', startup(v, SNAPPY), env(v, OPT))
    case(f'snappy-garbage-v{v}', startup(v, SNAPPY), env(v, 7, b'\xff\xffgarbage', flags=1), env(v, OPT))

def v5(name, *sends):
    case(f'{name}-v5', startup(5), *sends)
o = env(5, OPT)
v5('options-after', frame(o))
v5('two-in-one-frame', frame(env(5, OPT, stream=1) + env(5, OPT, stream=2)))
v5('unframed', o + o)
v5('startup-twice', frame(startup(5)), frame(o))
v5('unknown-opcode', frame(env(5, 0x20)), frame(o))
v5('unknown-opcode-then-good', frame(env(5, 0x20) + env(5, OPT, stream=2)))
v5('response-opcode', frame(env(5, 0)), frame(o))
v5('response-direction', frame(env(0x85, OPT)), frame(o))
v5('response-direction-result', frame(env(0x85, 8)), frame(o))
v5('other-version', frame(env(4, OPT)), frame(o))
v5('version-66', frame(env(66, OPT)), frame(o))
v5('version-2', frame(env(2, OPT)), frame(o))
v5('version-6', frame(env(6, OPT)), frame(o))
v5('credentials', frame(env(5, 4)), frame(o))
v5('query-empty-body', frame(env(5, 7)), frame(o))
v5('query-bad-utf8', frame(env(5, 7, b'\0\0\0\2\xc3\x28\0\1\0\0\0\0')), frame(o))
v5('query-truncated-value', frame(query(5, SEL, flags=1, rest=struct.pack('>Hi', 1, 30))), frame(o))
v5('query-page-size-0', frame(query(5, SEL, flags=4, rest=struct.pack('>i', 0))), frame(o))
v5('prepare-no-flags', frame(env(5, 9, long_string(SEL))), frame(o))
v5('execute-no-metadata-id', frame(env(5, 10, struct.pack('>H', 2) + b'ab')), frame(o))
v5('negative-length', frame(env(5, OPT, length=-1)), frame(o))
v5('length-beyond-frame', frame(env(5, OPT, length=10)), frame(o))
v5('short-envelope', frame(b'\5\0\0'), frame(o))
v5('empty-frame', frame(b''), frame(o))
v5('bad-header-crc', frame(o, bad_header=True), frame(o))
v5('bad-payload-crc', frame(o, bad_payload=True), frame(o))
v5('twelve-errors', frame(b''.join(env(5, 0x20, stream=i) for i in range(12))), frame(o))
v5('twelve-body-errors', frame(b''.join(env(5, 7, stream=i) for i in range(12))), frame(o))
big = query(5, '/*' + 'x' * 140000 + '*/ NOT CQL')
parts = [big[i:i + 131071] for i in range(0, len(big), 131071)]
v5('large', b''.join(frame(p, False) for p in parts), frame(o))
v5('large-corrupt', b''.join(frame(p, False, bad_payload=(i == 1)) for i, p in enumerate(parts)), frame(o))
v5('small-not-self-contained', frame(o, False), frame(o))
v5('too-big', frame(env(5, OPT, b'x' * 100, length=2**31 - 1), False), frame(o))
v5('self-contained-within-large', frame(parts[0], False), frame(o), frame(parts[1], False))
v5('custom-payload', frame(env(5, OPT, struct.pack('>H', 1) + string('k') + struct.pack('>i', 1) + b'v', flags=4)), frame(o))
v5('compressed-flag', frame(env(5, OPT, flags=1)), frame(o))
LZ4 = {'CQL_VERSION': '3.0.0', 'COMPRESSION': 'lz4'}
case('lz4-startup-v5', startup(5, LZ4))
v5('register-all', frame(env(5, 11, struct.pack('>H', 3) + string('TOPOLOGY_CHANGE') + string('STATUS_CHANGE') + string('SCHEMA_CHANGE'))), frame(o))
v5('auth-response', frame(env(5, 15, struct.pack('>i', 0))), frame(o))

def read(s, moment=0.35):
    s.settimeout(moment)
    out = b''
    try:
        while True:
            b = s.recv(65536)
            if not b:
                return out, True
            out += b
    except socket.timeout:
        return out, False
    except OSError:
        return out, True

def text(data):
    parts, rest = [], 0
    for run in re.finditer(rb'(.)\1{63,}', data, re.S):
        parts += [data[rest:run.start()].hex(), '%02x*%d' % (run.group(1)[0], len(run.group()))]
        rest = run.end()
    return ' '.join(p for p in parts + [data[rest:].hex()] if p)

only = sys.argv[3] if len(sys.argv) > 3 else ''
for name, sends in cases:
    if only and only not in name:
        continue
    s = socket.create_connection((HOST, PORT))
    print('case', name)
    closed = False
    for data in sends:
        try:
            s.sendall(data)
        except OSError:
            closed = True
        print('>', text(data))
        out, closed = read(s)
        print('<', text(out))
        if closed:
            break
    print('closed' if closed else 'open')
    s.close()
    sys.stdout.flush()
