package sideray;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which methods of which classes call which hook. An edit is the method's name and descriptor, where
 * the call goes, and what it is, in words (see Words): `>` at the method's beginning, `<` before
 * each return, `@` before and after each call of a method. A leading `?` is for methods that not all
 * versions have; without any of the others the class stays as it is.
 */
final class Targets {
    private static final String O = "Ljava/lang/Object;";
    private static final String S = "Ljava/lang/String;";
    private static final String RUNNABLE = "(Ljava/lang/Runnable;)V";
    private static final String SOCKET = "Ljava/net/Socket;";
    private static final String CHANNEL = "()Ljava/nio/channels/SocketChannel;";
    private static final String BUFFER = "Ljava/nio/ByteBuffer;";
    private static final String MAP = "Ljava/util/Map;";
    private static final String HEADERS = "Ljava/net/http/HttpHeaders;";
    private static final String ANY = "Ljava/util/function/BiPredicate;";
    private static final String CLEAR = "!clear()V";

    private final Map<String, String[]> all = new HashMap<String, String[]>(96);
    private final Set<String> dotted = new HashSet<String>(96);

    Targets() {
        servers();
        tasks();
        threads();
        clients();
    }

    /** The edits of a class, or null. */
    String[] of(String name) {
        return all.get(name);
    }

    /** Whether a class has edits, by the name that it tells itself. */
    boolean names(String name) {
        return dotted.contains(name);
    }

    private void add(String name, String... edits) {
        all.put(name, edits);
        dotted.add(name.replace('/', '.'));
    }

    private void servers() {
        add("java/net/ServerSocket", "implAccept(" + SOCKET + ")V > a1 !accepts(" + O + ")V");
        String read = "dup a0 .parent:" + SOCKET + " a1 i2 !read(I" + O + "[BI)V";
        String wrote = "a0 .parent:" + SOCKET + " a1 i2 i3 !wrote(" + O + "[BII)V";
        add("java/net/Socket$SocketInputStream", "read([BII)I < " + read);
        add("java/net/Socket$SocketOutputStream", "write([BII)V > " + wrote);
        // Before Java 13.
        add("java/net/SocketInputStream", "read([BIII)I < " + read.replace(".parent", ".socket"));
        String old = wrote.replace(".parent", ".socket");
        add("java/net/SocketOutputStream", "socketWrite([BII)V > " + old);
        add("java/net/Socket", "close()V > a0 !over(" + O + ")V");
        String accepted = " < dup !accepted(" + O + ")V";
        add("sun/nio/ch/ServerSocketChannelImpl",
            "accept" + CHANNEL + accepted,
            "?blockingAccept(J)" + CHANNEL.substring(2) + accepted);
        String buffer = "(I" + O + BUFFER + ")V";
        String many = "(" + O + "[" + BUFFER + "II)V";
        add("sun/nio/ch/SocketChannelImpl",
            "read(" + BUFFER + ")I < dup a0 a1 !read" + buffer,
            "read([" + BUFFER + "II)J > a0 !forget(" + O + ")V",
            "write(" + BUFFER + ")I < dup a0 a1 !wrote" + buffer,
            "write([" + BUFFER + "II)J > a0 a1 i2 i3 !writes" + many,
            "write([" + BUFFER + "II)J < a0 !wrote(" + O + ")V",
            "?blockingRead([BIIJ)I < dup a0 a1 i2 !read(I" + O + "[BI)V",
            "?blockingWriteFully([BII)V > a0 a1 i2 i3 !wrote(" + O + "[BII)V",
            "implCloseSelectableChannel()V > a0 !over(" + O + ")V");
        String target = "Ljava/nio/channels/WritableByteChannel;)J > a5 !over(" + O + ")V";
        add("sun/nio/ch/FileChannelImpl", "transferTo(JJ" + target);
        add("sun/nio/ch/SelectorImpl",
            "?lockAndDoSelect(J)I > !selects()V",
            "?lockAndDoSelect(Ljava/util/function/Consumer;J)I > !selects()V");
        String scope = "()V > !scope()V";
        String end = "()V < " + CLEAR;
        add("sun/net/httpserver/ServerImpl$Exchange", "run" + scope, "run" + end);
        for (String place : new String[] {"", "internal/"}) {
            add("org/eclipse/jetty/server/" + place + "HttpConnection",
                "onFillable" + scope, "onFillable" + end);
        }
        String netty = "io/netty/channel/nio/AbstractNioByteChannel$NioByteUnsafe";
        add(netty, "read" + scope, "read" + end);
    }

    private void tasks() {
        String given = "execute" + RUNNABLE + " > a1 !given(" + O + ")V";
        String begins = " !begins(" + O + ")V";
        for (String place : new String[] {"java/util/concurrent/", "org/apache/tomcat/util/threads/"}) {
            String name = place + "ThreadPoolExecutor";
            add(name,
                given,
                "runWorker(L" + name + "$Worker;)V > " + CLEAR,
                "runWorker(L" + name + "$Worker;)V @java/lang/Runnable.run()V dup" + begins,
                "getTask()Ljava/lang/Runnable; > " + CLEAR);
        }
        add("org/eclipse/jetty/util/thread/QueuedThreadPool",
            given, "runJob" + RUNNABLE + " > a1" + begins, "runJob" + RUNNABLE + " < " + CLEAR);
        add("java/util/concurrent/ScheduledThreadPoolExecutor",
            "delayedExecute(Ljava/util/concurrent/RunnableScheduledFuture;)V > a1 !planned(" + O + ")V");
        String made = " < a0 !made(" + O + ")V";
        String enter = "!enter(" + O + ")V";
        add("java/util/concurrent/ForkJoinTask",
            "<init>()V" + made,
            // One that was begun already may be forked, to be gone on with elsewhere.
            "fork()Ljava/util/concurrent/ForkJoinTask; > a0 !made(" + O + ")V",
            "doExec()* > a0 " + enter,
            "doExec()* < !leave()V");
        String fire = "java/util/concurrent/CompletableFuture$Completion.tryFire(I)"
            + "Ljava/util/concurrent/CompletableFuture;";
        add("java/util/concurrent/CompletableFuture",
            "postComplete()V @" + fire + " swap dup " + enter + " swap | !leave()V");
        add("java/util/concurrent/ForkJoinWorkerThread", "run()V > " + CLEAR);
        for (String place : new String[] {"okhttp3/", "okhttp3/internal/connection/"}) {
            add(place + "RealCall$AsyncCall", "<init>* < a0 !waits(" + O + ")V");
        }
    }

    private void threads() {
        String starts = " > a0 !starts(Ljava/lang/Thread;)V";
        String[] both = {"?start()V" + starts, "?start(Ljdk/internal/vm/ThreadContainer;)V" + starts};
        add("java/lang/Thread", both);
        add("java/lang/VirtualThread", both);
        String takes = " > !takes()V";
        String timed = "(JLjava/util/concurrent/TimeUnit;)" + O + takes;
        add("java/util/concurrent/LinkedBlockingQueue", "take()" + O + takes, "poll" + timed);
        add("java/util/concurrent/LinkedBlockingDeque",
            "takeFirst()" + O + takes, "takeLast()" + O + takes,
            "pollFirst" + timed, "pollLast" + timed);
        for (String queue : new String[] {"SynchronousQueue", "LinkedTransferQueue"}) {
            add("java/util/concurrent/" + queue, "take()" + O + takes, "poll" + timed);
        }
        add("java/util/concurrent/PriorityBlockingQueue", "take()" + O + takes, "poll" + timed);
    }

    private void clients() {
        String header = "sun/net/www/MessageHeader";
        String find = " ~" + header + ".findValue(" + S + ")" + S;
        String more = " ? a1 !name()" + S + " !value()" + S;
        String four = "(" + O + O + O + O + ")Z";
        String old = "writeRequests(Lsun/net/www/MessageHeader;Lsun/net/www/http/PosterOutputStream;)V > ";
        String put = more + " ~" + header + ".add(" + S + S + ")V";
        add("sun/net/www/http/HttpClient",
            old + "a1 c0 ~" + header + ".getKey(I)" + S + " a1 \"X-Amzn-Trace-Id" + find
                + " a1 \"traceparent" + find + " a1 \"Authorization" + find + " !adds" + four + put,
            old + "!more()Z" + put);
        String of = "(" + MAP + O + S + ")" + MAP + " ^any()" + ANY
            + " $java/net/http/HttpHeaders.of(" + MAP + ANY + ")" + HEADERS;
        add("jdk/internal/net/http/HttpRequestImpl",
            "<init>(Ljava/net/http/HttpRequest;Ljava/net/ProxySelector;)V < a0 a0 .userHeaders:" + HEADERS
                + " ~java/net/http/HttpHeaders.map()" + MAP
                + " a0 .uri:Ljava/net/URI; a0 .method:" + S + " ^client" + of
                + " =userHeaders:" + HEADERS);
        apache("org/apache/http/", "protocol/", "HttpRequest", "HttpClientConnection;"
            + "Lorg/apache/http/protocol/HttpContext;)Lorg/apache/http/HttpResponse;");
        String five = "org/apache/hc/core5/http/";
        apache(five, "impl/io/", "ClassicHttpRequest", "io/HttpClientConnection;"
            + "L" + five + "io/HttpResponseInformationCallback;"
            + "L" + five + "protocol/HttpContext;)L" + five + "ClassicHttpResponse;");
        add("okhttp3/internal/http/BridgeInterceptor",
            "intercept(Lokhttp3/Interceptor$Chain;)Lokhttp3/Response;"
                + " @okhttp3/Request$Builder.build()Lokhttp3/Request; dup ^builder(" + O + ")V");
    }

    /** Apache's client: in the thread that waits for the answer, once for each attempt. */
    private void apache(String base, String place, String request, String rest) {
        String type = base + request;
        boolean first = request.equals("HttpRequest");
        String line = first ? "getRequestLine()L" + base + "RequestLine;" : "toString()" + S;
        String has = " *" + type + ".containsHeader(" + S + ")Z";
        String execute = "execute(L" + type + ";L" + base + rest + " > ";
        String put = " ? a1 !name()" + S + " !value()" + S + " *" + type + ".addHeader(" + S
            + (first ? S : O) + ")V";
        String lines = first ? " *" + type + "." + line : " ~java/lang/Object." + line;
        add(base + place + "HttpRequestExecutor",
            execute + "a1" + lines + " a1 \"X-Amzn-Trace-Id" + has + " a1 \"traceparent" + has
                + " a1 \"Authorization *" + type + ".getFirstHeader(" + S + ")L" + base + "Header;"
                + " !adds(" + O + "ZZ" + O + ")Z" + put,
            execute + "!more()Z" + put);
    }
}
