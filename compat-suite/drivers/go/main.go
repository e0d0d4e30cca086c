// The Go driver: driver-test HOST PORT DATA, where DATA is the directory tests/data. Works in a keyspace of its own. Where it
// prints "restart" it waits for a line, which says that the server was stopped and started again.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"github.com/apache/cassandra-gocql-driver/v2/lz4"
	"github.com/apache/cassandra-gocql-driver/v2/snappy"
	"gopkg.in/inf.v0"
)

const keyspace = "clients_go"

var (
	host, data string
	port       int
	failures   int
)

type test struct {
	version int
	session *gocql.Session
	events  chan string
}

// Gives what must have worked.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func equal(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("found %#v, expected %#v", found, expected))
	}
}

func check(name string, body func()) {
	start := time.Now()
	defer func() {
		if problem := recover(); problem != nil {
			failures++
			fmt.Printf("FAILED %s: %v\n", name, problem)
			return
		}
		fmt.Printf("ok     %s (%d ms)\n", name, time.Since(start).Milliseconds())
	}()
	body()
}

func (t *test) OnTableCreated(event gocql.OnTableCreatedEvent) {
	t.events <- "created " + event.Table.Name
}
func (t *test) OnTableUpdated(event gocql.OnTableUpdatedEvent) {
	t.events <- "updated " + event.New.Name
}
func (t *test) OnTableDropped(event gocql.OnTableDroppedEvent) {
	t.events <- "dropped " + event.Table.Name
}

func connect(version int, compressor gocql.Compressor, keyspace string) *test {
	t := &test{version: version, events: make(chan string, 100)}
	cluster := gocql.NewCluster(host)
	cluster.Port = port
	cluster.ProtoVersion = version
	cluster.Compressor = compressor
	cluster.Keyspace = keyspace
	cluster.Timeout = time.Minute
	cluster.ConnectTimeout = time.Minute
	cluster.Consistency = gocql.LocalOne
	cluster.ReconnectInterval = 100 * time.Millisecond
	cluster.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	cluster.Metadata.CacheMode = gocql.Full
	cluster.Metadata.SchemaListener.TableChangeListener = t
	t.session = must(cluster.CreateSession())
	return t
}

func (t *test) run(statement string, values ...any) {
	if err := t.session.Query(statement, values...).Exec(); err != nil {
		panic(fmt.Errorf("%s: %w", statement, err))
	}
}

// The first column of all rows.
func column[T any](query *gocql.Query) []T {
	var all []T
	iter := query.Iter()
	var value T
	for iter.Scan(&value) {
		all = append(all, value)
	}
	if err := iter.Close(); err != nil {
		panic(err)
	}
	return all
}

func main() {
	host, data = os.Args[1], os.Args[3]
	port = must(strconv.Atoi(os.Args[2]))
	if len(os.Args) > 4 {
		if len(os.Args) > 6 {
			login(os.Args[4], must(strconv.Atoi(os.Args[5])))
		} else {
			secured(os.Args[4], must(strconv.Atoi(os.Args[5])))
		}
		if failures > 0 {
			os.Exit(1)
		}
		return
	}
	for _, version := range []int{3, 4, 5} {
		for _, compressor := range []gocql.Compressor{nil, lz4.LZ4Compressor{}, snappy.SnappyCompressor{}} {
			name := fmt.Sprintf("v%d", version)
			if compressor != nil {
				name += " " + compressor.Name()
			}
			if name == "v5 snappy" {
				continue // version 5 has lz4 only
			}
			first := connect(version, compressor, "")
			first.run("DROP KEYSPACE IF EXISTS " + keyspace)
			first.run("CREATE KEYSPACE " + keyspace +
				" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
			first.session.Close()
			t := connect(version, compressor, keyspace)
			check(name+" types", t.types)
			if compressor == nil {
				check(name+" schema", t.schema)
				check(name+" orders", t.orders)
				check(name+" statements", t.statements)
				check(name+" batches", t.batches)
				check(name+" paging", t.paging)
				check(name+" alter", t.alter)
				check(name+" events", t.announcements)
				check(name+" tracing", t.tracing)
				check(name+" tokens", t.tokens)
				check(name+" errors", t.errors)
				check(name+" conditions", t.conditions)
				check(name+" json", t.json)
			}
			if name == "v5" {
				check("restart", t.restart)
			}
			t.run("DROP KEYSPACE " + keyspace)
			t.session.Close()
		}
	}
	if failures > 0 {
		os.Exit(1)
	}
}

// TLS: a server that shows its certificate, and, on the other port, one that wants ours.
func secured(directory string, other int) {
	authority, own := filepath.Join(directory, "authority.pem"), filepath.Join(directory, "client.pem")
	open := func(port int, options *gocql.SslOptions) error {
		cluster := gocql.NewCluster(host)
		cluster.Port = port
		cluster.SslOpts = options
		session, err := cluster.CreateSession()
		if err != nil {
			return err
		}
		defer session.Close()
		protocols := column[string](session.Query("SELECT ssl_protocol FROM system_views.clients"))
		equal(len(protocols) > 0, true)
		for _, protocol := range protocols {
			equal(protocol, "TLSv1.3")
		}
		return nil
	}
	trusting := func(authority string) *gocql.SslOptions {
		return &gocql.SslOptions{CaPath: authority, EnableHostVerification: true}
	}
	with := trusting(authority)
	with.CertPath, with.KeyPath = own, filepath.Join(directory, "client.key")
	check("encrypted", func() { equal(open(port, trusting(authority)), nil) })
	check("certificate", func() { equal(open(other, with), nil) })
	for _, port := range []int{port, other} {
		check("plain", func() { equal(open(port, nil) != nil, true) })
	}
	check("untrusted", func() { equal(open(port, trusting(own)) != nil, true) })
	check("no certificate", func() { equal(open(other, trusting(authority)) != nil, true) })
}

// Servers that ask for a password: one as it is, and, on the other port, one over TLS.
func login(directory string, other int) {
	authority := &gocql.SslOptions{CaPath: filepath.Join(directory, "authority.pem"), EnableHostVerification: true}
	for _, server := range []struct {
		name    string
		port    int
		options *gocql.SslOptions
	}{{"", port, nil}, {"over TLS ", other, authority}} {
		open := func(user, password string) (*gocql.Session, error) {
			cluster := gocql.NewCluster(host)
			cluster.Port = server.port
			cluster.SslOpts = server.options
			cluster.Timeout = time.Minute
			cluster.ConnectTimeout = time.Minute
			if user != "" {
				cluster.Authenticator = gocql.PasswordAuthenticator{Username: user, Password: password}
			}
			return cluster.CreateSession()
		}
		run := func(session *gocql.Session, statement string, values ...any) error {
			return session.Query(statement, values...).Exec()
		}
		fails := func(err error, message string) {
			if err == nil || !strings.Contains(err.Error(), message) {
				panic(fmt.Sprintf("%q is not in %v", message, err))
			}
		}
		check(server.name+"first user", func() {
			session := must(open("cassandra", "cassandra"))
			defer session.Close()
			for _, statement := range []string{
				"CREATE KEYSPACE " + keyspace + " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
				"CREATE TABLE " + keyspace + ".t (k int PRIMARY KEY, v int)",
				"CREATE ROLE app WITH PASSWORD = 'secret' AND LOGIN = true",
			} {
				equal(run(session, statement), nil)
			}
		})
		check(server.name+"refused statements", func() {
			session := must(open("app", "secret"))
			defer session.Close()
			selecting := "SELECT v FROM " + keyspace + ".t WHERE k = ?"
			err := run(session, selecting, 1)
			fails(err, "User app has no SELECT permission on <table "+keyspace+".t>")
			var refusal gocql.RequestError
			equal(errors.As(err, &refusal), true)
			equal(refusal.Code(), gocql.ErrCodeUnauthorized)
			fails(run(session, "INSERT INTO "+keyspace+".t (k, v) VALUES (?, ?)", 1, 2), "User app has no MODIFY permission")
			first := must(open("cassandra", "cassandra"))
			defer first.Close()
			equal(run(first, "GRANT SELECT ON "+keyspace+".t TO app"), nil)
			equal(run(session, selecting, 1), nil)
		})
		for _, wrong := range [][2]string{{"app", "wrong"}, {"nobody", "secret"}} {
			check(server.name+"wrong password", func() {
				_, err := open(wrong[0], wrong[1])
				fails(err, "Provided username "+wrong[0]+" and/or password are incorrect")
			})
		}
		check(server.name+"no password", func() {
			_, err := open("", "")
			equal(err != nil, true)
		})
	}
}

// Types

// A value as the bytes that came.
type raw struct {
	info  gocql.TypeInfo
	bytes []byte
}

func (r *raw) UnmarshalCQL(info gocql.TypeInfo, data []byte) error {
	r.info, r.bytes = info, bytes.Clone(data)
	return nil
}

func (r raw) MarshalCQL(gocql.TypeInfo) ([]byte, error) { return r.bytes, nil }

// The value in its Go type.
func (r *raw) value() any {
	if r.bytes == nil {
		return nil
	}
	value := reflect.New(reflect.TypeOf(r.info.Zero()))
	if err := gocql.Unmarshal(r.info, r.bytes, value.Interface()); err != nil {
		panic(err)
	}
	return value.Elem().Interface()
}

var expected = map[string]any{
	"bigint 9223372036854775807":               int64(math.MaxInt64),
	"bigint -9223372036854775808":              int64(math.MinInt64),
	"blob 0x00ff":                              []byte{0, 255},
	"boolean true":                             true,
	"date '1969-12-31'":                        time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC),
	"decimal -1":                               inf.NewDec(-1, 0),
	"double -Infinity":                         math.Inf(-1),
	"double 4.9E-324":                          math.SmallestNonzeroFloat64,
	"duration 1y2mo3w4d5h6m7s8ms9us10ns":       gocql.Duration{Months: 14, Days: 25, Nanoseconds: 18_367_008_009_010},
	"float 3.4028235E38":                       float32(math.MaxFloat32),
	"int -2147483648":                          math.MinInt32,
	"smallint -32768":                          int16(math.MinInt16),
	"tinyint -128":                             int8(math.MinInt8),
	"text ''":                                  "",
	"text 'häßlich \U0001f40d 中'":              "häßlich \U0001f40d 中",
	"time '23:59:59.999999999'":                24*time.Hour - 1,
	"set<text> {'b', '', 'a'}":                 []string{"", "a", "b"},
	"vector<int, 2> [2147483647, -2147483648]": []int{math.MaxInt32, math.MinInt32},
}

func (t *test) types() {
	t.run("CREATE TYPE item (a int, b text, c frozen<list<int>>)")
	var columns, definitions []string
	names := map[string]string{}
	text := string(must(os.ReadFile(filepath.Join(data, "drivers/values.tsv"))))
	var values [][]string
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		cells := strings.Split(line, "\t")
		if line[0] == '#' || cells[0] == "vector<frozen<list<int>>, 2>" { // the driver cannot parse this type's name
			continue
		}
		values = append(values, cells)
		if names[cells[0]] == "" {
			names[cells[0]] = fmt.Sprintf("c%d", len(columns))
			columns = append(columns, cells[0])
			definitions = append(definitions, names[cells[0]]+" "+cells[0])
		}
	}
	t.run("CREATE TABLE all_types (id int PRIMARY KEY, " + strings.Join(definitions, ", ") + ")")
	wrong := 0
	for _, cells := range values {
		func() {
			defer func() {
				if problem := recover(); problem != nil {
					wrong++
					fmt.Printf("%s %s: %v\n", cells[0], cells[1], problem)
				}
			}()
			t.value(names[cells[0]], cells[0], cells[1], must(hex.DecodeString(cells[2])))
		}()
	}
	for _, kind := range columns {
		t.nothing(names[kind])
	}
	equal(wrong, 0)
}

// The parts of a column as the driver hands them out: the fields of a tuple one by one.
func (t *test) parts(column string, id int) ([]any, []byte) {
	iter := t.session.Query("SELECT "+column+" FROM all_types WHERE id = ?", id).Iter()
	tuple, isTuple := iter.Columns()[0].TypeInfo.(gocql.TupleTypeInfo)
	parts := []any{new(raw)}
	for isTuple && len(parts) < len(tuple.Elems) {
		parts = append(parts, new(raw))
	}
	equal(iter.Scan(parts...), true)
	if err := iter.Close(); err != nil {
		panic(err)
	}
	if !isTuple {
		return parts, parts[0].(*raw).bytes
	}
	var all []byte
	for _, part := range parts {
		field := part.(*raw).bytes
		length := uint32(len(field))
		if field == nil {
			length = math.MaxUint32
		}
		all = append(all, byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
		all = append(all, field...)
	}
	return parts, all
}

func (t *test) value(column, kind, literal string, bytes []byte) {
	t.run(fmt.Sprintf("INSERT INTO all_types (id, %s) VALUES (1, %s)", column, literal))
	parts, found := t.parts(column, 1)
	equal(found, bytes)
	var values []any
	for _, part := range parts {
		if asBytes(kind, literal, bytes) {
			values = append(values, part)
		} else {
			values = append(values, part.(*raw).value())
		}
	}
	if value, ok := expected[kind+" "+literal]; ok {
		equal(values[0], value)
	}
	if strings.Contains(kind[1:], "tuple") {
		return // the driver does not bind a tuple within a tuple
	}
	mark := "?"
	if strings.HasPrefix(kind, "tuple") { // the driver binds the fields of a tuple one by one
		mark = "(?" + strings.Repeat(", ?", len(values)-1) + ")"
	}
	t.run(fmt.Sprintf("INSERT INTO all_types (id, %s) VALUES (2, %s)", column, mark), values...)
	_, found = t.parts(column, 2)
	equal(found, bytes)
}

// Whether the driver's Go types cannot hold the value, which then goes back as it came: most have no empty value and no
// null within others, and time.Time counts its own zero as empty.
func asBytes(kind, literal string, bytes []byte) bool {
	switch kind {
	case "text", "ascii":
		return false
	case "date", "timestamp":
		return len(bytes) == 0 || literal == "'0001-01-01'" || literal == "-62135596800000"
	}
	return len(bytes) == 0 || strings.Contains(literal, "null") || strings.Contains(literal, "only")
}

// Null removes a value; an unset value leaves what is there.
func (t *test) nothing(column string) {
	parts, before := t.parts(column, 2)
	insert := fmt.Sprintf("INSERT INTO all_types (id, %s) VALUES (?, ?)", column)
	if len(parts) > 1 {
		return // the driver gives and takes the fields of a tuple, never a tuple that is null
	}
	if t.version >= 4 {
		t.run(insert, 2, gocql.UnsetValue)
		_, after := t.parts(column, 2)
		equal(after, before)
	}
	t.run(insert, 2, raw{})
	_, after := t.parts(column, 2)
	equal(after, []byte(nil))
}

// Conditions

func (t *test) conditions() {
	t.run("CREATE TABLE conditional (k int, c int, v text, s int static, PRIMARY KEY (k, c))")
	apply := func(statement string, values ...any) (bool, map[string]any) {
		row := map[string]any{}
		return must(t.session.Query(statement, values...).MapScanCAS(row)), row
	}
	insert := "INSERT INTO conditional (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS"
	applied, row := apply(insert, 1, 1, "one")
	equal([]any{applied, row}, []any{true, map[string]any{}})
	applied, row = apply(insert, 1, 1, "two")
	equal([]any{applied, row["k"], row["c"], row["v"]}, []any{false, 1, 1, "one"})
	update := "UPDATE conditional SET v = ? WHERE k = ? AND c = ? IF v = ?"
	applied, row = apply(update, "two", 1, 1, "none")
	equal([]any{applied, row}, []any{false, map[string]any{"v": "one"}})
	applied, _ = apply(update, "two", 1, 1, "one")
	equal(applied, true)
	applied, _ = apply("UPDATE conditional SET v = 'x' WHERE k = 1 AND c = 9 IF EXISTS")
	equal(applied, false)
	batched := func() (bool, []map[string]any) {
		batch := t.session.Batch(gocql.LoggedBatch)
		batch.Query("UPDATE conditional SET s = 5 WHERE k = 1 IF s = null")
		batch.Query(insert, 1, 2, "batch")
		row := map[string]any{}
		applied, iter, err := batch.MapExecCAS(row)
		must(applied, err)
		return applied, append(must(iter.SliceMap()), row)
	}
	applied, _ = batched()
	equal(applied, true)
	applied, rows := batched()
	equal(applied, false)
	equal(len(rows), 1)
	equal([]any{rows[0]["c"], rows[0]["s"]}, []any{2, 5})
	serial := t.session.Query("SELECT v FROM conditional WHERE k = 1 AND c = 2").Consistency(gocql.Serial)
	equal(column[string](serial), []string{"batch"})
}

// JSON

func (t *test) json() {
	t.run("CREATE TABLE documents (id int PRIMARY KEY, name text, tags set<text>, at timestamp, " +
		"parts map<text, frozen<list<decimal>>>)")
	insert := "INSERT INTO documents JSON ?"
	t.run(insert, `{"id": 1, "name": "a \"b\" é", "tags": ["y", "x"], "at": "2023-10-01 12:00:00.000Z", `+
		`"parts": {"p": [1.5, 2]}}`)
	equal(column[string](t.session.Query("SELECT JSON * FROM documents")), []string{
		`{"id": 1, "at": "2023-10-01 12:00:00.000Z", "name": "a \"b\" é", "parts": {"p": [1.5, 2]}, "tags": ["x", "y"]}`})
	t.run(`INSERT INTO documents JSON '{"id": 1, "name": "new"}' DEFAULT UNSET`)
	equal(column[string](t.session.Query("SELECT name FROM documents")), []string{"new"})
	equal(column[string](t.session.Query("SELECT to_json(tags) FROM documents")), []string{`["x", "y"]`})
	t.run(insert, `{"id": 1}`)
	equal(column[*string](t.session.Query("SELECT name FROM documents")), []*string{nil})
	err := t.session.Query(insert, "[").Exec()
	equal(strings.Contains(err.Error(), "Could not decode JSON string as a map"), true)
}

// The order schema

func (t *test) schema() {
	text := string(must(os.ReadFile(filepath.Join(data, "orders.cql"))))
	text = regexp.MustCompile("(--|//).*").ReplaceAllString(text, "")
	for _, statement := range strings.Split(text, ";") {
		if strings.TrimSpace(statement) != "" && !regexp.MustCompile("CREATE KEYSPACE|USE ").MatchString(statement) {
			t.run(statement)
		}
	}
	other := connect(t.version, nil, keyspace)
	defer other.session.Close()
	all := must(other.session.KeyspaceMetadata(keyspace))
	equal(all.StrategyClass, "org.apache.cassandra.locator.SimpleStrategy")
	equal(all.DurableWrites, true)
	item := all.UserTypes["product_item"]
	equal(item.FieldNames, []string{"product_id", "product_name", "quantity", "price"})
	equal(item.FieldTypes[3].Type(), gocql.TypeDecimal)
	table := all.Tables["orders_by_user"]
	equal(table.PartitionKey[0].Name, "user_id")
	equal(table.ClusteringColumns[0].Order, gocql.DESC)
	equal(table.Columns["total_amount"].Type.Type(), gocql.TypeDecimal)
	equal(all.Tables["orders_by_id"].Columns["items"].Validator, "list<frozen<product_item>>")
	equal(len(all.Tables["orders_by_product"].PartitionKey), 2)
}

type productItem struct {
	ID       gocql.UUID `cql:"product_id"`
	Name     string     `cql:"product_name"`
	Quantity int        `cql:"quantity"`
	Price    *inf.Dec   `cql:"price"`
}

var (
	user    = must(gocql.ParseUUID("7b0f5d6e-5b1e-4a52-9a5c-0e6c4b1d9f10"))
	product = must(gocql.ParseUUID("11111111-2222-4333-8444-555555555555"))
	start   = time.Date(2023, 10, 1, 12, 0, 0, 0, time.UTC)
)

func order(number int) gocql.UUID {
	return gocql.UUID{6: 0x40, 8: 0x80, 15: byte(number)}
}

func (t *test) orders() {
	for number := 0; number < 30; number++ {
		at := start.Add(time.Duration(number) * time.Minute)
		total := inf.NewDec(int64(number)*100+99, 2)
		items := []productItem{{product, fmt.Sprintf("Product %d", number), number, total}}
		t.run("INSERT INTO orders_by_id (order_id, user_id, order_timestamp, status, total_amount, shipping_address, "+
			"items) VALUES (?, ?, ?, ?, ?, ?, ?)", order(number), user, at, "PENDING", total, "Street", items)
		t.run("INSERT INTO orders_by_user (user_id, order_timestamp, order_id, status, total_amount) "+
			"VALUES (?, ?, ?, ?, ?)", user, at, order(number), "PENDING", total)
		t.run("INSERT INTO orders_by_product (product_id, month_bucket, order_timestamp, order_id, user_id, quantity) "+
			"VALUES (?, ?, ?, ?, ?, ?)", product, "2023-10", at, order(number), user, number)
	}
	var total *inf.Dec
	var items []productItem
	query := t.session.Query("SELECT total_amount, items FROM orders_by_id WHERE order_id = ?", order(7))
	if err := query.Scan(&total, &items); err != nil {
		panic(err)
	}
	equal(total.String()+" "+items[0].Name, "7.99 Product 7")
	latest := column[gocql.UUID](t.session.Query("SELECT order_id FROM orders_by_user WHERE user_id = ? LIMIT 10", user))
	for position, id := range latest {
		equal(id, order(29-position))
	}
	equal(len(latest), 10)
	sold := t.session.Query(
		"SELECT quantity FROM orders_by_product WHERE product_id = ? AND month_bucket = '2023-10'", product)
	quantities := column[int](sold.PageSize(7))
	equal(len(quantities), 30)
	for position, quantity := range quantities {
		equal(quantity, position)
	}
}

func (t *test) statements() {
	t.run("CREATE TABLE statements (k int, c text, s int static, v set<int>, PRIMARY KEY (k, c))")
	t.run("INSERT INTO statements (k, c, s, v) VALUES (:k, :c, :s, :v)", gocql.NamedValue("k", 1),
		gocql.NamedValue("c", "it's"), gocql.NamedValue("s", 7), gocql.NamedValue("v", []int{2, 1}))
	var name string
	var static int
	var set []int
	query := t.session.Query("SELECT c, s, v FROM statements WHERE k = ? AND c IN ?", 1, []string{"it's", "no"})
	if err := query.Scan(&name, &static, &set); err != nil {
		panic(err)
	}
	equal([]any{name, static, set}, []any{"it's", 7, []int{1, 2}})
	t.run("UPDATE statements USING TTL ? SET v = v + ? WHERE k = ? AND c = ?", 1000, []int{3}, 1, "it's")
	equal(column[[]int](t.session.Query("SELECT v FROM statements WHERE k = 1")), [][]int{{1, 2, 3}})
	at := int64(1700000000000000)
	insert := t.session.Query("INSERT INTO statements (k, c, s) VALUES (2, 'x', ?)", 9)
	equal(insert.WithTimestamp(at).Exec(), nil)
	equal(column[int64](t.session.Query("SELECT writetime(s) FROM statements WHERE k = 2")), []int64{at})
	t.run("TRUNCATE statements") // the driver prepares no other statements than those that read and write
	equal(len(column[int](t.session.Query("SELECT k FROM statements"))), 0)
}

func (t *test) batches() {
	t.run("CREATE TABLE batched (k int, c int, v text, PRIMARY KEY (k, c))")
	t.run("CREATE TABLE counted (k int PRIMARY KEY, n counter)")
	for _, kind := range []gocql.BatchType{gocql.LoggedBatch, gocql.UnloggedBatch} {
		batch := t.session.Batch(kind)
		batch.Query("INSERT INTO batched (k, c, v) VALUES (?, ?, ?)", 1, 1, "one")
		batch.Query("INSERT INTO batched (k, c, v) VALUES (1, 2, 'two')")
		batch.Query("DELETE FROM batched WHERE k = 1 AND c = 0")
		if err := batch.Exec(); err != nil {
			panic(err)
		}
		equal(column[int](t.session.Query("SELECT c FROM batched WHERE k = 1")), []int{1, 2})
		t.run("TRUNCATE batched")
	}
	batch := t.session.Batch(gocql.CounterBatch)
	batch.Query("UPDATE counted SET n = n + ? WHERE k = 1", int64(5))
	batch.Query("UPDATE counted SET n = n + ? WHERE k = 1", int64(-2))
	if err := batch.Exec(); err != nil {
		panic(err)
	}
	equal(column[int64](t.session.Query("SELECT n FROM counted")), []int64{3})
}

func (t *test) paging() {
	t.run("CREATE TABLE paged (k int, c int, PRIMARY KEY (k, c))")
	for n := 0; n < 100; n++ {
		t.run("INSERT INTO paged (k, c) VALUES (?, ?)", n%2, n)
	}
	for _, size := range []int{1, 7, 50, 1000} {
		equal(len(column[int](t.session.Query("SELECT c FROM paged").PageSize(size))), 100)
		some := column[int](t.session.Query("SELECT c FROM paged WHERE k = ?", 0).PageSize(size))
		for position, c := range some {
			equal(c, 2*position)
		}
		equal(len(some), 50)
	}
	first := t.session.Query("SELECT c FROM paged WHERE k = ?", 0).PageSize(20).Iter()
	state := first.PageState()
	equal(first.NumRows(), 20)
	_ = first.Close()
	rest := column[int](t.session.Query("SELECT c FROM paged WHERE k = ?", 0).PageSize(20).PageState(state))
	equal(rest[0], 40)
}

func (t *test) alter() {
	t.run("CREATE TABLE altered (k int PRIMARY KEY, a int)")
	t.run("INSERT INTO altered (k, a) VALUES (1, 2)")
	read := func() map[string]any {
		row := map[string]any{}
		if err := t.session.Query("SELECT * FROM altered WHERE k = ?", 1).MapScan(row); err != nil {
			panic(err)
		}
		return row
	}
	equal(read(), map[string]any{"k": 1, "a": 2})
	t.run("ALTER TABLE altered ADD b text")
	t.run("INSERT INTO altered (k, b) VALUES (1, 'new')")
	if t.version >= 5 { // before that version a driver is not told that the columns are others
		equal(read(), map[string]any{"k": 1, "a": 2, "b": "new"})
	}
	t.run("DROP TABLE altered")
	var invalid *gocql.RequestErrInvalid
	equal(errors.As(t.session.Query("SELECT * FROM altered WHERE k = ?", 1).Exec(), &invalid), true)
}

func (t *test) announcements() {
	next := func() string {
		select {
		case event := <-t.events:
			return event
		case <-time.After(30 * time.Second):
			return "nothing"
		}
	}
	other := connect(t.version, nil, keyspace)
	defer other.session.Close()
	time.Sleep(1500 * time.Millisecond) // the driver holds events back for a second
	for len(t.events) > 0 {
		<-t.events
	}
	other.run("CREATE TABLE announced (k int PRIMARY KEY)")
	equal(next(), "created announced")
	other.run("ALTER TABLE announced ADD v int")
	equal(next(), "updated announced")
	other.run("DROP TABLE announced")
	equal(next(), "dropped announced")
}

func (t *test) tracing() {
	// The server writes a trace after it has answered.
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var trace bytes.Buffer
		writer := gocql.NewTraceWriter(t.session, &trace)
		if err := t.session.Query("SELECT * FROM orders_by_id").Trace(writer).Exec(); err != nil {
			panic(err)
		}
		if text := trace.String(); strings.Contains(text, "coordinator: "+host) && strings.Contains(text, "Executing") {
			return
		}
	}
	panic("no trace with its events came")
}

func (t *test) tokens() {
	hosts := t.session.GetHosts()
	equal(len(hosts), 1)
	equal(hosts[0].DataCenter()+" "+hosts[0].Rack(), "datacenter1 rack1")
	equal(len(hosts[0].Tokens()), 16)
	statement := "SELECT * FROM orders_by_product WHERE month_bucket = ? AND order_timestamp > ? AND product_id = ?"
	metadata := must(t.session.StatementMetadata(context.Background(), statement, keyspace))
	equal(metadata.PKBindColumnIndexes, []int{2, 0})
	equal(metadata.Keyspace+" "+metadata.Table, keyspace+" orders_by_product")
}

func (t *test) errors() {
	var refusal gocql.RequestError
	err := t.session.Query("SELEC 1").Exec()
	equal(strings.Contains(err.Error(), "line 1:0 no viable alternative at input 'SELEC'"), true)
	equal(errors.As(err, &refusal), true)
	equal(refusal.Code(), gocql.ErrCodeSyntax)
	err = t.session.Query("SELECT nosuch FROM orders_by_id").Exec()
	equal(strings.Contains(err.Error(), "Undefined column name nosuch"), true)
	var exists *gocql.RequestErrAlreadyExists
	equal(errors.As(t.session.Query("CREATE TABLE orders_by_id (k int PRIMARY KEY)").Exec(), &exists), true)
	equal(exists.Keyspace+"."+exists.Table, keyspace+".orders_by_id")
	query := t.session.Query("SELECT * FROM orders_by_id WHERE order_id = ?", user).Consistency(gocql.Two)
	var unavailable *gocql.RequestErrUnavailable
	equal(errors.As(query.Exec(), &unavailable), true)
	equal([]int{unavailable.Required, unavailable.Alive}, []int{2, 1})
}

// A statement that was prepared before a restart needs no preparing after it.
func (t *test) restart() {
	statement := "SELECT status FROM orders_by_id WHERE order_id = ?"
	equal(column[string](t.session.Query(statement, order(3))), []string{"PENDING"})
	stored := func() ([]string, error) {
		iter := t.session.Query("SELECT query_string FROM system.prepared_statements").Iter()
		var texts []string
		var text string
		for iter.Scan(&text) {
			if text == statement {
				texts = append(texts, text)
			}
		}
		return texts, iter.Close()
	}
	equal(len(must(stored())) > 0, true)
	fmt.Println("restart")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		texts, err := stored()
		if err == nil {
			equal(len(texts) > 0, true)
			break
		}
		if time.Now().After(end) {
			panic(err)
		}
	}
	equal(column[string](t.session.Query(statement, order(3))), []string{"PENDING"})
}
