import java.io.*;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.cql3.functions.*;
import org.apache.cassandra.db.marshal.*;
import org.apache.cassandra.transport.ProtocolVersion;
import org.apache.cassandra.utils.ByteBufferUtil;

/** Answers questions about values with Cassandra's own classes; how golden.tsv was made (time zone UTC):
 *  sed "s|\t=>.*||" golden.tsv | java -Duser.timezone=UTC -cp "lib/*:." Record answers.tsv
 * Lines of standard input, fields apart by tabs:
 *  text TYPE STRING            -> the value in hexadecimal, its CQL literal, its string; or an error
 *  validate TYPE HEX           -> ok, or an error
 *  compare TYPE HEX HEX        -> -1, 0, 1
 *  call FUNCTION TYPE=STRING.. -> the result's type and CQL literal; or an error
 */
public class Record {
    static AbstractType<?> type(String name) { return TypeParser.parse(name.replace("~", "org.apache.cassandra.db.marshal.")); }
    static String esc(String s) { return s.replace("\t", "\\t").replace("\n", "\\n"); }
    public static void main(String[] args) throws Exception {
        DatabaseDescriptor.clientInitialization(false);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(args[0]), false, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            if (line.isEmpty() || line.startsWith("#")) continue;
            String[] f = line.split("\t", -1);
            String answer;
            try { answer = answer(f); }
            catch (Throwable e) { answer = "error\t" + esc(String.valueOf(e.getMessage() == null ? e.toString() : e.getMessage())); }
            out.println(line + "\t=>\t" + answer);
        }
        out.close();
        System.exit(0);
    }
    static String answer(String[] f) throws Exception {
        switch (f[0]) {
            case "text": {
                AbstractType<?> t = type(f[1]);
                ByteBuffer v = t.fromString(f[2]);
                return "ok\t" + ByteBufferUtil.bytesToHex(v) + "\t" + esc(t.toCQLString(v)) + "\t" + esc(t.getString(v));
            }
            case "validate": {
                type(f[1]).validate(ByteBufferUtil.hexToBytes(f[2]));
                return "ok";
            }
            case "compare": {
                AbstractType<?> t = type(f[1]);
                return "" + Integer.signum(t.compare(ByteBufferUtil.hexToBytes(f[2]), ByteBufferUtil.hexToBytes(f[3])));
            }
            case "literal": {
                AbstractType<?> t = type(f[1]);
                ByteBuffer v = ByteBufferUtil.hexToBytes(f[2]);
                return "ok\t" + esc(t.toCQLString(v)) + "\t" + esc(t.getString(v));
            }
            case "call": {
                List<AbstractType<?>> types = new ArrayList<>();
                List<ByteBuffer> values = new ArrayList<>();
                for (int i = 2; i < f.length; i++) {
                    int at = f[i].indexOf('=');
                    AbstractType<?> t = type(f[i].substring(0, at));
                    types.add(t);
                    String s = f[i].substring(at + 1);
                    values.add(s.equals("null") ? null : t.fromString(s));
                }
                ScalarFunction fn = null;
                for (NativeFunction c : NativeFunctions.instance.getFunctions(FunctionName.nativeFunction(f[1])))
                    if (c.argTypes().equals(types)) fn = (ScalarFunction) c;
                if (fn == null) return "none";
                Arguments a = fn.newArguments(ProtocolVersion.CURRENT);
                for (int i = 0; i < values.size(); i++) a.set(i, values.get(i));
                ByteBuffer r = fn.execute(a);
                return "ok\t" + fn.returnType().asCQL3Type() + "\t" + (r == null ? "null" : esc(fn.returnType().toCQLString(r)));
            }
        }
        return "?";
    }
}
