// In the package of the tools: what makes connections for nodetool is not public.
package org.apache.cassandra.tools;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.security.Permission;


/**
 * Runs Cassandra's command-line tools one after the other in one virtual machine, whose start takes longer than most
 * of their work.
 *
 * A request on standard input is a count, then so many strings: the class below org.apache.cassandra.tools and the
 * arguments. The answer on standard output is the exit status, and what the tool wrote to its standard output and to
 * its standard error. Counts and lengths are four bytes, big endian; strings are UTF-8.
 */
public class Batch
{
    /** What System.exit becomes while a tool runs. */
    private static class Exit extends SecurityException
    {
        final int status;

        Exit(int status)
        {
            this.status = status;
        }
    }

    @SuppressWarnings("removal")
    public static void main(String[] arguments) throws Exception
    {
        System.setSecurityManager(new SecurityManager()
        {
            @Override
            public void checkPermission(Permission permission)
            {
            }

            @Override
            public void checkPermission(Permission permission, Object context)
            {
            }

            @Override
            public void checkExit(int status)
            {
                throw new Exit(status);
            }
        });
        DataInputStream requests = new DataInputStream(System.in);
        DataOutputStream answers = new DataOutputStream(new FileOutputStream(FileDescriptor.out));
        while (true)
        {
            int count;
            try
            {
                count = requests.readInt();
            }
            catch (EOFException end)
            {
                break;
            }
            String[] words = new String[count];
            for (int i = 0; i < count; i++)
                words[i] = new String(requests.readNBytes(requests.readInt()), "UTF-8");
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            answers.writeInt(run(words, new PrintStream(out, true, "UTF-8"), new PrintStream(err, true, "UTF-8")));
            answers.writeInt(out.size());
            out.writeTo(answers);
            answers.writeInt(err.size());
            err.writeTo(answers);
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static int run(String[] words, PrintStream out, PrintStream err)
    {
        String[] arguments = java.util.Arrays.copyOfRange(words, 1, words.length);
        System.setOut(out);
        System.setErr(err);
        try
        {
            if (words[0].equals("NodeTool"))
                return new NodeTool(new NodeProbeFactory(), new Output(out, err)).execute(arguments);
            Class.forName(Batch.class.getPackageName() + "." + words[0])
                 .getMethod("main", String[].class)
                 .invoke(null, (Object) arguments);
            return 0;
        }
        catch (InvocationTargetException failure)
        {
            return status(failure.getCause(), err);
        }
        catch (Throwable failure)
        {
            return status(failure, err);
        }
    }

    private static int status(Throwable failure, PrintStream err)
    {
        if (failure instanceof Exit)
            return ((Exit) failure).status;
        failure.printStackTrace(err);
        return 3;
    }
}
