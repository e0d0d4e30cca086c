// The Node driver: node driver-test.js HOST PORT DATA, where DATA is the directory tests/data. Works in a keyspace of its own.
// Where it prints "restart" it waits for a line, which says that the server was stopped and started again.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { Client, policies, types } = require('cassandra-driver');

const [HOST, PORT, DATA, DIRECTORY, OTHER_PORT, LOGIN] = process.argv.slice(2);
const KEYSPACE = 'clients_node';
const { Uuid, Long, BigDecimal, Integer, LocalDate, LocalTime, Duration, InetAddress } = types;
const equal = assert.deepStrictEqual;
let failed = 0;

async function check(name, body) {
  const start = Date.now();
  try {
    await body();
    console.log(`ok     ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

async function until(condition, what) {
  for (const end = Date.now() + 30000; Date.now() < end; await sleep(50)) {
    if (await condition()) {
      return;
    }
  }
  assert.fail(what);
}

function connect(version, keyspace) {
  return new Client({
    contactPoints: [HOST],
    localDataCenter: 'datacenter1',
    keyspace,
    protocolOptions: { port: Number(PORT), maxVersion: version },
    socketOptions: { readTimeout: 60000, connectTimeout: 60000 },
    refreshSchemaDelay: 10,
    policies: { reconnection: new policies.reconnection.ConstantReconnectionPolicy(100) },
    queryOptions: { prepare: true, consistency: types.consistencies.localOne }
  });
}

class Test {
  constructor(version, client) {
    this.version = version;
    this.client = client;
  }

  async rows(query, values, options) {
    return (await this.client.execute(query, values, options)).rows.map(row => row.values());
  }

  async one(query, values, options) {
    return (await this.rows(query, values, options))[0];
  }

  run(query, values, options) {
    return this.client.execute(query, values, options);
  }

  ddl(query) {
    return this.client.execute(query, [], { prepare: false });
  }

  // Types

  async types() {
    const values = fs.readFileSync(path.join(DATA, 'drivers/values.tsv'), 'utf8').trimEnd().split('\n')
      .filter(line => !line.startsWith('#')).map(line => line.split('\t'));
    const columns = new Map();
    values.forEach(([kind]) => columns.has(kind) || columns.set(kind, `c${columns.size}`));
    await this.ddl('CREATE TYPE item (a int, b text, c frozen<list<int>>)');
    const definitions = [...columns].map(([kind, name]) => `${name} ${kind}`).join(', ');
    await this.ddl(`CREATE TABLE all_types (id int PRIMARY KEY, ${definitions})`);
    const wrong = [];
    for (const [kind, literal, bytes] of values) {
      try {
        await this.value(columns.get(kind), kind, literal, bytes);
      } catch (error) {
        wrong.push(`${kind} ${literal}: ${error.stack}`);
      }
    }
    equal(wrong.join('\n'), '');
    const last = new Map(values.map(([kind, , bytes]) => [kind, bytes]));
    for (const [kind, name] of columns) {
      const read = async () => (await this.one(`SELECT ${name} FROM all_types WHERE id = ?`, [2]))[0];
      const insert = `INSERT INTO all_types (id, ${name}) VALUES (?, ?)`;
      if (this.version >= 4 && last.get(kind) !== '') { // the driver reads no empty values
        await this.run(insert, [2, types.unset]);
        assert.notEqual(await read(), null);
      }
      await this.run(insert, [2, null]);
      equal(await read(), null);
    }
  }

  // Stores a literal, reads it, stores what was read, and compares what the server then has: its bytes, or its text.
  async value(column, kind, literal, bytes) {
    const native = !/[<]|item/.test(kind);
    const stored = native ? `${kind === 'text' ? 'text' : kind}_as_blob(${column})` : `to_json(${column})`;
    const form = async id => {
      const [found] = await this.one(`SELECT ${kind === 'blob' ? column : stored} FROM all_types WHERE id = ?`, [id]);
      return native ? found.toString('hex') : found;
    };
    await this.ddl(`INSERT INTO all_types (id, ${column}) VALUES (1, ${literal})`);
    if (native) {
      equal(await form(1), bytes);
    }
    let value = literal;
    if (bytes === '' && !['ascii', 'text', 'blob'].includes(kind)) {
      value = Buffer.alloc(0); // the driver reads no empty values, but writes them
    } else if (BEYOND.includes(`${kind} ${literal}`)) {
      await this.ddl(`INSERT INTO all_types (id, ${column}) VALUES (2, ${literal})`);
      return;
    } else {
      [value] = await this.one(`SELECT ${column} FROM all_types WHERE id = ?`, [1]);
      const expected = EXPECTED.get(`${kind} ${literal}`);
      // Version 3 has no codes for some types; the driver reads those as bytes.
      if (expected !== undefined && !(this.version === 3 && Buffer.isBuffer(value) && kind !== 'blob')) {
        equal(value, expected);
      }
    }
    await this.run(`INSERT INTO all_types (id, ${column}) VALUES (?, ?)`, [2, value]);
    equal(await form(2), await form(1));
  }

  // Conditions

  async conditions() {
    await this.ddl('CREATE TABLE conditional (k int, c int, v text, s int static, PRIMARY KEY (k, c))');
    const apply = async (query, values) => {
      const result = await this.run(query, values);
      return [result.wasApplied(), { ...result.first() }];
    };
    const insert = 'INSERT INTO conditional (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS';
    equal(await apply(insert, [1, 1, 'one']), [true, { '[applied]': true }]);
    equal(await apply(insert, [1, 1, 'two']), [false, { '[applied]': false, k: 1, c: 1, s: null, v: 'one' }]);
    const update = 'UPDATE conditional SET v = ? WHERE k = ? AND c = ? IF v = ?';
    equal(await apply(update, ['two', 1, 1, 'none']), [false, { '[applied]': false, v: 'one' }]);
    equal(await apply(update, ['two', 1, 1, 'one']), [true, { '[applied]': true }]);
    const missing = await this.run("UPDATE conditional SET v = 'x' WHERE k = 1 AND c = 9 IF EXISTS");
    equal(missing.wasApplied(), false);
    const batch = () => this.client.batch([
      { query: 'UPDATE conditional SET s = 5 WHERE k = 1 IF s = null' }, { query: insert, params: [1, 2, 'batch'] }
    ], { prepare: true });
    equal((await batch()).wasApplied(), true);
    const refused = await batch();
    equal([refused.wasApplied(), refused.rows.map(row => [row.c, row.s])], [false, [[2, 5]]]);
    const { serial } = types.consistencies;
    equal(await this.rows('SELECT v FROM conditional WHERE k = 1 AND c = 2', [], { consistency: serial }), [['batch']]);
  }

  // JSON

  async json() {
    await this.ddl('CREATE TABLE documents (id int PRIMARY KEY, name text, tags set<text>, at timestamp, ' +
      'parts map<text, frozen<list<decimal>>>)');
    const insert = 'INSERT INTO documents JSON ?';
    await this.run(insert, ['{"id": 1, "name": "a \\"b\\" é", "tags": ["y", "x"], "at": "2023-10-01 12:00:00.000Z", ' +
      '"parts": {"p": [1.5, 2]}}']);
    equal(await this.one('SELECT JSON * FROM documents'), ['{"id": 1, "at": "2023-10-01 12:00:00.000Z", ' +
      '"name": "a \\"b\\" é", "parts": {"p": [1.5, 2]}, "tags": ["x", "y"]}']);
    await this.ddl('INSERT INTO documents JSON \'{"id": 1, "name": "new"}\' DEFAULT UNSET');
    equal(await this.one('SELECT name, to_json(tags) FROM documents'), ['new', '["x", "y"]']);
    await this.run(insert, ['{"id": 1}']);
    equal(await this.one('SELECT name FROM documents'), [null]);
    await assert.rejects(this.run(insert, ['[']), /Could not decode JSON string as a map/);
  }

  // The order schema

  async schema() {
    const text = fs.readFileSync(path.join(DATA, 'orders.cql'), 'utf8').replace(/(--|\/\/).*/g, '');
    for (const statement of text.split(';')) {
      if (statement.trim() && !/CREATE KEYSPACE|USE /.test(statement)) {
        await this.ddl(statement);
      }
    }
    await this.client.metadata.refreshKeyspace(KEYSPACE);
    const keyspace = this.client.metadata.keyspaces[KEYSPACE];
    equal(keyspace.strategy, 'org.apache.cassandra.locator.SimpleStrategy');
    equal({ ...keyspace.strategyOptions }, { replication_factor: '1' });
    equal(keyspace.durableWrites, true);
    const item = await this.client.metadata.getUdt(KEYSPACE, 'product_item');
    equal(item.fields.map(field => field.name), ['product_id', 'product_name', 'quantity', 'price']);
    equal(item.fields[3].type.code, types.dataTypes.decimal);
    const byUser = await this.client.metadata.getTable(KEYSPACE, 'orders_by_user');
    equal(byUser.partitionKeys.map(column => column.name), ['user_id']);
    equal(byUser.clusteringKeys.map(column => column.name), ['order_timestamp']);
    equal(byUser.clusteringOrder, ['DESC']);
    const byId = await this.client.metadata.getTable(KEYSPACE, 'orders_by_id');
    equal(byId.columnsByName['items'].type.code, types.dataTypes.list);
    equal(byId.columnsByName['items'].type.info.info.name, 'product_item');
    const byProduct = await this.client.metadata.getTable(KEYSPACE, 'orders_by_product');
    equal(byProduct.partitionKeys.length, 2);
  }

  async orders() {
    for (let number = 0; number < 30; number++) {
      const at = new Date(START + 60000 * number);
      const total = BigDecimal.fromString(`${number}.99`);
      const item = { product_id: PRODUCT, product_name: `Product ${number}`, quantity: number, price: total };
      await this.run('INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, ' +
        'shipping_address, items) VALUES (?, ?, ?, ?, ?, ?, ?)',
      [order(number), USER, at, 'PENDING', total, 'Street', [item]]);
      await this.run('INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) ' +
        'VALUES (?, ?, ?, ?, ?)', [USER, at, order(number), 'PENDING', total]);
      await this.run('INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, ' +
        'quantity) VALUES (?, ?, ?, ?, ?, ?)', [PRODUCT, '2023-10', at, order(number), USER, number]);
    }
    const query = 'SELECT total_amount, items FROM orders_by_id WHERE order_id = ?';
    const [total, items] = await this.one(query, [order(7)], { prepare: false });
    equal([total.toString(), items[0].product_name], ['7.99', 'Product 7']);
    const latest = await this.rows('SELECT order_id FROM orders_by_user WHERE user_id = ? LIMIT 10', [USER]);
    equal(latest.map(([id]) => id.toString()), Array.from({ length: 10 }, (_, n) => order(29 - n).toString()));
    const sold = await this.run(
      "SELECT quantity FROM orders_by_product WHERE product_id = ? AND month_bucket = '2023-10'", [PRODUCT],
      { fetchSize: 7 });
    const quantities = [];
    for await (const row of sold) {
      quantities.push(row.quantity);
    }
    equal(quantities, Array.from({ length: 30 }, (_, n) => n));
  }

  async statements() {
    await this.ddl('CREATE TABLE statements (k int, c text, s int static, v set<int>, PRIMARY KEY (k, c))');
    await this.run('INSERT INTO statements (k, c, s, v) VALUES (:k, :c, :s, :v)', { k: 1, c: "it's", s: 7, v: [2, 1] });
    const select = 'SELECT c, s, v FROM statements WHERE k = ? AND c IN ?';
    equal(await this.one(select, [1, ["it's", 'no']]), ["it's", 7, [1, 2]]);
    await this.run('UPDATE statements USING TTL ? SET v = v + ? WHERE k = ? AND c = ?', [1000, [3], 1, "it's"]);
    equal(await this.rows('SELECT v FROM statements WHERE k = 1'), [[[1, 2, 3]]]);
    await this.run('INSERT INTO statements (k, c) VALUES (?, ?)', [2, 'x'], { prepare: false, hints: ['int', 'text'] });
    equal((await this.one('SELECT count(*) FROM statements'))[0].toString(), '2');
  }

  async batches() {
    await this.ddl('CREATE TABLE batched (k int, c int, v text, PRIMARY KEY (k, c))');
    await this.ddl('CREATE TABLE counted (k int PRIMARY KEY, n counter)');
    for (const logged of [true, false]) {
      await this.client.batch([
        { query: 'INSERT INTO batched (k, c, v) VALUES (?, ?, ?)', params: [1, 1, 'one'] },
        { query: "INSERT INTO batched (k, c, v) VALUES (1, 2, 'two')" },
        { query: 'DELETE FROM batched WHERE k = 1 AND c = 0' }
      ], { prepare: true, logged });
      equal(await this.rows('SELECT c FROM batched WHERE k = 1'), [[1], [2]]);
      await this.ddl('TRUNCATE batched');
    }
    const count = 'UPDATE counted SET n = n + ? WHERE k = 1';
    await this.client.batch([{ query: count, params: [5] }, { query: count, params: [-2] }],
      { prepare: true, counter: true });
    equal(await this.rows('SELECT n FROM counted'), [[Long.fromInt(3)]]);
  }

  async paging() {
    await this.ddl('CREATE TABLE paged (k int, c int, PRIMARY KEY (k, c))');
    for (let n = 0; n < 100; n++) {
      await this.run('INSERT INTO paged (k, c) VALUES (?, ?)', [n % 2, n]);
    }
    const read = async (query, values, options) => {
      const found = [];
      for await (const row of await this.run(query, values, options)) {
        found.push(row.c);
      }
      return found;
    };
    for (const fetchSize of [1, 7, 50, 1000]) {
      equal((await read('SELECT c FROM paged', [], { fetchSize, prepare: false })).length, 100);
      equal(await read('SELECT c FROM paged WHERE k = ?', [0], { fetchSize }), Array.from({ length: 50 }, (_, n) => 2 * n));
    }
    const first = await this.run('SELECT c FROM paged WHERE k = ?', [0], { fetchSize: 20 });
    equal(first.rowLength, 20);
    equal((await this.one('SELECT c FROM paged WHERE k = ?', [0], { fetchSize: 20, pageState: first.pageState }))[0], 40);
  }

  async alter() {
    await this.ddl('CREATE TABLE altered (k int PRIMARY KEY, a int)');
    await this.ddl('INSERT INTO altered (k, a) VALUES (1, 2)');
    equal(await this.one('SELECT a FROM altered WHERE k = ?', [1]), [2]);
    await this.ddl('ALTER TABLE altered ADD b text');
    await this.ddl("INSERT INTO altered (k, b) VALUES (1, 'new')");
    equal(await this.one('SELECT a FROM altered WHERE k = ?', [1]), [2]);
    equal(await this.one('SELECT k, a, b FROM altered WHERE k = ?', [1]), [1, 2, 'new']);
    await this.ddl('DROP TABLE altered');
    await assert.rejects(this.run('SELECT a FROM altered WHERE k = ?', [1]));
  }

  async events() {
    const other = connect(this.version);
    const name = `${KEYSPACE}_announced`;
    await other.execute(`CREATE KEYSPACE ${name} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
      [], { prepare: false });
    await until(() => this.client.metadata.keyspaces[name], 'the event of a new keyspace');
    await other.execute(`ALTER KEYSPACE ${name} WITH durable_writes = false`, [], { prepare: false });
    await until(() => !this.client.metadata.keyspaces[name].durableWrites, 'the event of a change');
    await other.execute(`DROP KEYSPACE ${name}`, [], { prepare: false });
    await until(() => !this.client.metadata.keyspaces[name], 'the event of a dropped keyspace');
    await other.shutdown();
  }

  async tracing() {
    const result = await this.run('SELECT * FROM orders_by_id', [], { traceQuery: true, prepare: false });
    const trace = await this.client.metadata.getTrace(result.info.traceId);
    equal(trace.requestType, 'Execute CQL3 query');
    equal(trace.coordinator.toString(), HOST);
    equal(trace.parameters.query, 'SELECT * FROM orders_by_id');
    assert(trace.events.some(event => event.activity.startsWith('Parsing SELECT * FROM')), 'events');
  }

  async tokens() {
    const [host] = this.client.hosts.values();
    equal([host.datacenter, host.rack, host.tokens.length], ['datacenter1', 'rack1', 16]);
    const bucket = Buffer.from('2023-10');
    const part = value => Buffer.concat([Buffer.from([0, value.length]), value, Buffer.from([0])]);
    const key = Buffer.concat([part(PRODUCT.buffer), part(bucket)]);
    const select = 'SELECT token(product_id, month_bucket) FROM orders_by_product ' +
      'WHERE month_bucket = ? AND order_timestamp > ? AND product_id = ?';
    const result = await this.run(select, ['2023-10', new Date(0), PRODUCT]);
    const server = result.rows[0].values()[0].toString();
    const driver = this.client.metadata.newToken(key);
    equal(driver.getValue().toString(), server);
    equal(this.client.getReplicas(KEYSPACE, key), [host]);
  }

  async errors() {
    await assert.rejects(this.ddl('SELEC 1'), { code: types.responseErrorCodes.syntaxError });
    await assert.rejects(this.run('SELECT nosuch FROM orders_by_id'), /Undefined column name nosuch/);
    await assert.rejects(this.ddl('CREATE TABLE orders_by_id (k int PRIMARY KEY)'),
      { code: types.responseErrorCodes.alreadyExists, keyspace: KEYSPACE, table: 'orders_by_id' });
    const failed = await this.run('SELECT * FROM orders_by_id WHERE order_id = ?', [USER],
      { consistency: types.consistencies.two }).catch(error => Object.values(error.innerErrors)[0]);
    equal([failed.code, failed.required, failed.alive], [types.responseErrorCodes.unavailableException, 2, 1]);
  }

  // A statement that was prepared before a restart needs no preparing after it.
  async restart() {
    const select = 'SELECT status FROM orders_by_id WHERE order_id = ?';
    equal(await this.one(select, [order(3)]), ['PENDING']);
    const stored = async () => (await this.rows('SELECT query_string FROM system.prepared_statements'))
      .filter(([text]) => text === select).length;
    assert(await stored() > 0);
    const lines = readline.createInterface({ input: process.stdin });
    const started = new Promise(resolve => lines.once('line', resolve));
    console.log('restart');
    await started;
    lines.close();
    await until(() => stored().then(count => count > 0, () => false), 'the statement is stored no more');
    equal(await this.one(select, [order(3)]), ['PENDING']);
  }
}

const USER = Uuid.fromString('7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10');
const PRODUCT = Uuid.fromString('11111111-2222-4333-8444-555555555555');
const START = Date.UTC(2023, 9, 1, 12);
const order = number => Uuid.fromString(`00000000-0000-4000-8000-0000000000${number.toString(16).padStart(2, '0')}`);

const EXPECTED = new Map([
  ['bigint 9223372036854775807', Long.MAX_VALUE],
  ['bigint -9223372036854775808', Long.MIN_VALUE],
  ['blob 0x', Buffer.alloc(0)],
  ['boolean true', true],
  ["date '1969-12-31'", new LocalDate(-1)],
  ['decimal 0.00', BigDecimal.fromString('0.00')],
  ['double NaN', NaN],
  ['double -Infinity', -Infinity],
  ['double -0.0', -0],
  ['double 4.9E-324', Number.MIN_VALUE],
  ['duration 1y2mo3w4d5h6m7s8ms9us10ns', new Duration(14, 25, Long.fromString('18367008009010'))],
  ["inet '255.255.255.255'", InetAddress.fromString('255.255.255.255')],
  ['int -2147483648', -2147483648],
  ['smallint -32768', -32768],
  ['tinyint -128', -128],
  ["text ''", ''],
  ["text 'häßlich \u{1f40d} 中'", 'häßlich \u{1f40d} 中'],
  ["time '23:59:59.999999999'", LocalTime.fromString('23:59:59.999999999')],
  ['timestamp -62135596800000', new Date(-62135596800000)],
  ['timestamp 8640000000000000', new Date(8640000000000000)],
  ['varint 18446744073709551616', Integer.fromString('18446744073709551616')],
  ["set<text> {'b', '', 'a'}", ['', 'a', 'b']],
  ['list<int> [3, 1, 2, 1]', [3, 1, 2, 1]]
]);

// What the driver does not give back as it was: dates beyond those of JavaScript, and empty collections, which it sends as null.
const BEYOND = [
  'timestamp 9223372036854775807', 'timestamp -9223372036854775808', 'frozen<list<int>> []', 'frozen<set<decimal>> {}',
  'frozen<map<int, text>> {}', "frozen<map<text, frozen<list<frozen<set<bigint>>>>>> {'a': [{1, 2}, {}], 'b': []}",
  "item {a: null, b: '', c: []}", 'vector<frozen<list<int>>, 2> [[], [1, 2]]'
];

// TLS: a server that shows its certificate, and, on the other port, one that wants ours.
async function secured() {
  const file = name => fs.readFileSync(path.join(DIRECTORY, name));
  const open = async (port, sslOptions) => {
    const client = new Client({
      contactPoints: [HOST], localDataCenter: 'datacenter1', protocolOptions: { port: Number(port) }, sslOptions
    });
    try {
      const { rows } = await client.execute('SELECT ssl_enabled, ssl_protocol FROM system_views.clients');
      assert(rows.length > 0);
      rows.forEach(row => equal(row.values(), [true, 'TLSv1.3']));
    } finally {
      await client.shutdown();
    }
  };
  const trusting = authority => ({ ca: [file(authority)], rejectUnauthorized: true });
  const own = { ...trusting('authority.pem'), cert: file('client.pem'), key: file('client.key') };
  await check('encrypted', () => open(PORT, trusting('authority.pem')));
  await check('certificate', () => open(OTHER_PORT, own));
  for (const port of [PORT, OTHER_PORT]) {
    await check('plain', () => assert.rejects(open(port, undefined)));
  }
  await check('untrusted', () => assert.rejects(open(PORT, trusting('client.pem'))));
  await check('no certificate', () => assert.rejects(open(OTHER_PORT, trusting('authority.pem'))));
  process.exit(failed > 0 ? 1 : 0);
}

// Servers that ask for a password: one as it is, and, on the other port, one over TLS.
async function login() {
  const tls = { ca: [fs.readFileSync(path.join(DIRECTORY, 'authority.pem'))], rejectUnauthorized: true };
  for (const [name, port, sslOptions] of [['', PORT, undefined], ['over TLS ', OTHER_PORT, tls]]) {
    const open = async (username, password, body) => {
      const client = new Client({
        contactPoints: [HOST], localDataCenter: 'datacenter1', protocolOptions: { port: Number(port) }, sslOptions,
        socketOptions: { readTimeout: 60000, connectTimeout: 60000 },
        credentials: username && { username, password }
      });
      try {
        await client.connect();
        return await body(client);
      } finally {
        await client.shutdown();
      }
    };
    const fails = async (promise, message, code) => {
      const error = await promise.then(() => assert.fail(`no error: ${message}`), error => error);
      const text = JSON.stringify(error.innerErrors && Object.values(error.innerErrors).map(String)) + error.message;
      assert(text.includes(message), `${message} is not in ${text}`);
      code && equal(error.code, code);
    };
    await check(name + 'first user', () => open('cassandra', 'cassandra', async client => {
      await client.execute(`CREATE KEYSPACE ${KEYSPACE} ` +
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
      await client.execute(`CREATE TABLE ${KEYSPACE}.t (k int PRIMARY KEY, v int)`);
      await client.execute("CREATE ROLE app WITH PASSWORD = 'secret' AND LOGIN = true");
    }));
    await check(name + 'refused statements', () => open('app', 'secret', async client => {
      const { unauthorized } = types.responseErrorCodes;
      const select = () => client.execute(`SELECT v FROM ${KEYSPACE}.t WHERE k = ?`, [1], { prepare: true });
      await fails(select(), `User app has no SELECT permission on <table ${KEYSPACE}.t>`, unauthorized);
      await fails(client.execute(`INSERT INTO ${KEYSPACE}.t (k, v) VALUES (1, 2)`),
        'User app has no MODIFY permission', unauthorized);
      await open('cassandra', 'cassandra', first => first.execute(`GRANT SELECT ON ${KEYSPACE}.t TO app`));
      equal((await select()).rows, []);
    }));
    for (const [user, password] of [['app', 'wrong'], ['nobody', 'secret']]) {
      await check(name + 'wrong password', () => fails(open(user, password, () => {}),
        `Provided username ${user} and/or password are incorrect`));
    }
    await check(name + 'no password', () => assert.rejects(open(undefined, undefined, () => {})));
  }
  process.exit(failed > 0 ? 1 : 0);
}

async function main() {
  if (LOGIN) {
    return login();
  }
  if (DIRECTORY) {
    return secured();
  }
  for (const version of [3, 4]) { // the driver has no version 5 and no compression
    const first = connect(version);
    await first.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`, [], { prepare: false });
    await first.execute(`CREATE KEYSPACE ${KEYSPACE} ` +
      "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", [], { prepare: false });
    await first.shutdown();
    const client = connect(version, KEYSPACE);
    await client.connect();
    equal(client.controlConnection.protocolVersion, version);
    const test = new Test(version, client);
    for (const name of ['types', 'schema', 'orders', 'statements', 'batches', 'paging', 'alter', 'events', 'tracing',
      'tokens', 'errors', 'conditions', 'json']) {
      await check(`v${version} ${name}`, () => test[name]());
    }
    if (version === 4) {
      await check('restart', () => test.restart());
    }
    await test.ddl(`DROP KEYSPACE ${KEYSPACE}`);
    await client.shutdown();
  }
  process.exit(failed > 0 ? 1 : 0);
}

main();
