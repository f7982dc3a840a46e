package sideray;

import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.List;

/**
 * The Java carrier: `-javaagent:sideray-carrier.jar`. It makes a service pass on the trace header of
 * the request that it serves, and nothing else: it remembers the inbound `X-Amzn-Trace-Id` and
 * `traceparent`, whichever came, for the thread that read them and for the tasks and threads which
 * that hands work to, and puts them on outgoing requests that carry neither. It makes no ids, prints
 * nothing and reads one setting: with SIDERAY_CARRIER=off it does nothing.
 *
 *     inbound   where accepted sockets are read (Connection), by streams or by channels
 *     context   one Cell a request, in the Slot of each thread that works for it; Task for pools
 *     outbound  HttpURLConnection, java.net.http, Apache's client, OkHttp (Outbound)
 *
 * A wrong parent is worse than none, so whatever is ambiguous gives none. What is patched, and how, is
 * in Targets; a class that is not as expected stays as it is, and no fault leaves a hook.
 */
public final class Agent implements ClassFileTransformer {
    private static Instrumentation tool;
    private static volatile Class<?>[] waiting;

    private final Targets targets = new Targets();

    private Agent() {
    }

    /** Called by the JVM before the service's main. */
    public static void premain(String words, Instrumentation instrumentation) {
        try {
            boolean off = "off".equals(System.getenv("SIDERAY_CARRIER"));
            // Only classes of the bootstrap loader can be called by the JDK's.
            if (!off && tool == null && Agent.class.getClassLoader() == null) {
                tool = instrumentation;
                new Agent().start();
            }
        } catch (Throwable fault) {
            // Then there is no carrier.
        }
    }

    private void start() throws Exception {
        tool.addTransformer(this, true);
        List<Class<?>> now = new ArrayList<Class<?>>();
        List<Class<?>> later = new ArrayList<Class<?>>();
        for (Class<?> type : tool.getAllLoadedClasses()) {
            String name = type.getName();
            if (targets.names(name)) {
                // Every program starts threads, but only servers have requests.
                (name.startsWith("java.lang.") ? later : now).add(type);
            }
        }
        waiting = later.toArray(new Class<?>[0]);
        if (!now.isEmpty()) {
            tool.retransformClasses(now.toArray(new Class<?>[0]));
        }
    }

    /** Something is accepted: this is a server. */
    static void arm() throws Exception {
        Class<?>[] types = waiting;
        if (types == null || types.length == 0) {
            return;
        }
        synchronized (Agent.class) {
            types = waiting;
            waiting = null;
        }
        if (types != null && types.length > 0) {
            tool.retransformClasses(types);
        }
    }

    @Override
    public byte[] transform(
            ClassLoader loader, String name, Class<?> type, ProtectionDomain domain, byte[] file) {
        try {
            String[] edits = name == null ? null : targets.of(name);
            if (edits == null || !sees(loader)) {
                return null;
            }
            return Patch.apply(file, name, edits);
        } catch (Throwable fault) {
            return null;
        }
    }

    /** Whether the classes of a loader can call ours; some hand on only what they know. */
    private static boolean sees(ClassLoader loader) throws ClassNotFoundException {
        return loader == null || Class.forName("sideray.Hooks", false, loader) == Hooks.class;
    }
}
