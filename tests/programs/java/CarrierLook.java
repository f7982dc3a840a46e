// Does what a program may do with what the carrier touches, and says what it sees: `java CarrierLook
// WHAT`. With the carrier it has to say the same as without.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

class CarrierLook {
    static class Sum extends RecursiveTask<Integer> {
        private static final long serialVersionUID = 1L;
        private final int from;
        private final int to;

        Sum(int from, int to) {
            this.from = from;
            this.to = to;
        }

        @Override
        protected Integer compute() {
            if (to - from < 2) {
                return from;
            }
            Sum half = new Sum(from, (from + to) / 2);
            half.fork();
            return new Sum((from + to) / 2, to).compute() + half.join();
        }
    }

    static class Ranked implements Runnable, Comparable<Ranked> {
        private final boolean fails;

        Ranked(boolean fails) {
            this.fails = fails;
        }

        @Override
        public int compareTo(Ranked other) {
            return 0;
        }

        @Override
        public void run() {
            System.out.println("ran");
            if (fails) {
                fail();
            }
        }

        @Override
        public boolean equals(Object other) {
            throw new IllegalStateException("do not ask me");
        }

        @Override
        public int hashCode() {
            throw new IllegalStateException("do not ask me");
        }
    }

    static void fail() {
        throw new IllegalStateException("wrong");
    }

    static void pool() throws Exception {
        ThreadPoolExecutor pool =
            new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new PriorityBlockingQueue<>());
        pool.execute(new Ranked(true));
        pool.execute(new Ranked(false));
        Runnable waiting = new Ranked(false);
        pool.shutdown();
        System.out.println(pool.awaitTermination(9, TimeUnit.SECONDS));
        System.out.println(pool.getQueue().getClass());
        try {
            pool.execute(waiting);
        } catch (RuntimeException error) {
            System.out.println(error.getClass());
        }
    }

    static void futures() throws Exception {
        int zero = 0;
        System.out.println(new ForkJoinPool(3).invoke(new Sum(0, 1000)));
        CompletableFuture<Integer> part = CompletableFuture.supplyAsync(() -> 1 / zero);
        System.out.println(part.handle((value, fault) -> fault.toString()).get());
        try {
            part.thenApply(value -> value + 1).get();
        } catch (ExecutionException error) {
            error.printStackTrace();
        }
        System.out.println(Arrays.stream(new int[10_000]).parallel().map(one -> one + 1).sum());
    }

    static void threads() throws Exception {
        Thread thread = new Thread(CarrierLook::fail, "one");
        thread.start();
        thread.join();
        try {
            thread.start();
        } catch (IllegalThreadStateException error) {
            error.printStackTrace();
        }
        Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
            .filter(name -> !name.contains("Compiler") && !name.contains("Sweeper"))
            .sorted().forEach(System.out::println);
        System.out.println(System.getProperties().stringPropertyNames().stream()
            .filter(name -> name.contains("sideray")).count());
    }

    static void methods() {
        for (Class<?> type : new Class<?>[] {Thread.class, ThreadPoolExecutor.class, Socket.class}) {
            System.out.println(type.getDeclaredMethods().length + " " + type.getDeclaredFields().length);
        }
    }

    static void sockets() throws Exception {
        InetAddress here = InetAddress.getLoopbackAddress();
        ServerSocket server = new ServerSocket(0, 5, here);
        Socket client = new Socket(here, server.getLocalPort());
        Socket accepted = server.accept();
        client.getOutputStream().write("GET / HTTP/1.1\r\ntraceparent: a\r\n\r\nmore".getBytes());
        InputStream in = accepted.getInputStream();
        System.out.println(new String(in.readNBytes(20)));
        accepted.setSoTimeout(20);
        try {
            in.readNBytes(1000);
        } catch (IOException error) {
            error.printStackTrace();
        }
        accepted.close();
        try {
            in.read();
        } catch (IOException error) {
            error.printStackTrace();
        }
        try {
            in.read(null, 0, 5);
        } catch (NullPointerException | IOException error) {
            error.printStackTrace();
        }
        client.close();
    }

    static void channels() throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        SocketChannel client = SocketChannel.open(server.getLocalAddress());
        SocketChannel accepted = server.accept();
        ByteBuffer first = ByteBuffer.wrap("GET / HTTP/1.1\r\n".getBytes());
        ByteBuffer second = ByteBuffer.wrap("traceparent: a\r\n\r\n".getBytes());
        System.out.println(client.write(new ByteBuffer[] {first, second}));
        ByteBuffer buffer = ByteBuffer.allocate(10);
        System.out.println(accepted.read(buffer) + " " + new String(buffer.array()));
        System.out.println(accepted.read(ByteBuffer.allocate(0)));
        try {
            accepted.write(new ByteBuffer[] {null});
        } catch (NullPointerException error) {
            error.printStackTrace();
        }
        try {
            accepted.read(buffer.asReadOnlyBuffer());
        } catch (IllegalArgumentException error) {
            error.printStackTrace();
        }
        OutputStream out = accepted.socket().getOutputStream();
        out.write("HTTP/1.1 204 No Content\r\n\r\n".getBytes());
        while (buffer.clear().hasRemaining() && accepted.read(buffer) == buffer.capacity()) {
            // What is left unread would reset the connection.
        }
        accepted.close();
        System.out.println(new String(client.socket().getInputStream().readAllBytes()));
    }

    static void clients() throws Exception {
        URI nowhere = URI.create("http://127.0.0.1:1/");
        try {
            ((HttpURLConnection) nowhere.toURL().openConnection()).getResponseCode();
        } catch (IOException error) {
            error.printStackTrace();
        }
        try {
            HttpClient.newHttpClient().send(HttpRequest.newBuilder(nowhere).build(), BodyHandlers.ofString());
        } catch (IOException error) {
            // Its stack is that of whichever thread was first.
            System.out.println(error);
        }
    }

    public static void main(String[] words) throws Exception {
        switch (words[0]) {
            case "pool": pool(); break;
            case "futures": futures(); break;
            case "threads": threads(); break;
            case "methods": methods(); break;
            case "sockets": sockets(); break;
            case "channels": channels(); break;
            case "clients": clients(); break;
            case "loaded": System.out.println(Class.forName("sideray.Agent", false, null)); break;
            case "exits": System.exit(3); break;
            case "fails": fail(); break;
            default: System.out.println("hello");
        }
    }
}
