package sideray;

/**
 * Threads and tasks that are known to work for many, though one request was the first to need them:
 * what it began is not its own. By the names of their classes, for theirs are libraries that we do
 * not load.
 */
final class Shared {
    private static final String[] THREADS = {
        "java.util.TimerThread",
        "java.util.concurrent.ForkJoinWorkerThread",
        "jdk.internal.misc.InnocuousThread",
        "akka.",
        "io.netty.",
        "io.vertx.",
        "kotlinx.coroutines.",
        "org.apache.pekko.",
        "org.apache.tomcat.",
        "org.eclipse.jetty.",
        "org.jboss.threads.",
        "org.xnio.",
        "reactor.",
    };
    /** They empty a queue that others fill. */
    private static final String[] TASKS = {
        "akka.dispatch.",
        "com.google.common.util.concurrent.SequentialExecutor",
        "com.google.common.util.concurrent.SerializingExecutor",
        "io.netty.util.concurrent.",
        "io.vertx.core.",
        "kotlinx.coroutines.internal.LimitedDispatcher",
        "org.apache.pekko.dispatch.",
    };

    private Shared() {
    }

    static boolean thread(Thread one) {
        for (Class<?> type = one.getClass(); type != Thread.class; type = type.getSuperclass()) {
            if (in(THREADS, type.getName())) {
                return true;
            }
        }
        return false;
    }

    static boolean task(Object one) {
        return in(TASKS, one.getClass().getName());
    }

    private static boolean in(String[] names, String name) {
        for (String begin : names) {
            if (name.startsWith(begin)) {
                return true;
            }
        }
        return false;
    }
}
