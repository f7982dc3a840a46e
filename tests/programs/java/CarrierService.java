// Services that forward nothing: `java CarrierService KIND PORT`. KIND is how it serves: `pool`, the
// JDK's server with workers; `single`, the same in one thread; `threads` and `virtual`, a thread for
// each connection; `loop`, an event loop; `poll`, a thread that asks one connection after the other.
// `/WAY/NUMBER/CALLS` makes so many calls to ORIGIN/call/NUMBER/CALL in one of the ways below. A timer
// calls ORIGIN/background all the while.
import com.sun.net.httpserver.HttpServer;
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
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

class CarrierService {
    static final String ORIGIN = System.getenv("ORIGIN");
    static final HttpClient CLIENT = HttpClient.newBuilder()
        .followRedirects(HttpClient.Redirect.ALWAYS)
        .build();
    // Its workers are begun by requests and then shared.
    static final ExecutorService SHARED = Executors.newFixedThreadPool(8, CarrierService::daemon);
    static final ScheduledExecutorService LATER = Executors.newScheduledThreadPool(4, CarrierService::daemon);
    static final LinkedBlockingQueue<Runnable> QUEUE = new LinkedBlockingQueue<>();
    static final AtomicBoolean QUEUED = new AtomicBoolean();
    static final ConcurrentHashMap<String, CompletableFuture<String>> CACHE = new ConcurrentHashMap<>();

    static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    static Void byUrl(String path, String... headers) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new java.net.URL(ORIGIN + path).openConnection();
        for (int at = 0; at < headers.length; at += 2) {
            connection.setRequestProperty(headers[at], headers[at + 1]);
        }
        try (InputStream body = connection.getInputStream()) {
            body.readAllBytes();
        }
        return null;
    }

    static HttpRequest request(String path, String... headers) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(ORIGIN + path));
        return (headers.length == 0 ? builder : builder.headers(headers)).build();
    }

    static Void byClient(String path, String... headers) throws IOException, InterruptedException {
        CLIENT.send(request(path, headers), BodyHandlers.ofString());
        return null;
    }

    static Void quietly(Callable<Void> work) {
        try {
            return work.call();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    static void all(List<? extends Future<?>> parts) throws Exception {
        for (Future<?> part : parts) {
            part.get();
        }
    }

    static String signature(String names) {
        return "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;" + names + ", Signature=00";
    }

    // What the ways of calling do.
    static void call(String way, String number, int count, Runnable answer) throws Exception {
        List<Callable<Void>> calls = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            String path = "/call/" + number + "/" + index;
            calls.add(index % 2 == 0 ? () -> byUrl(path) : () -> byClient(path));
        }
        List<Future<?>> parts = new ArrayList<>();
        switch (way) {
            case "inline":
                for (Callable<Void> call : calls) {
                    call.call();
                }
                break;
            case "shared":
                all(SHARED.invokeAll(calls));
                break;
            case "later":
                for (Callable<Void> call : calls) {
                    parts.add(LATER.schedule(call, 2, TimeUnit.MILLISECONDS));
                }
                all(parts);
                break;
            case "own": {
                ExecutorService own = Executors.newFixedThreadPool(2);
                all(own.invokeAll(calls));
                own.shutdown();
                break;
            }
            case "thread": {
                List<Thread> threads = new ArrayList<>();
                for (Callable<Void> call : calls) {
                    Thread thread = new Thread(() -> quietly(call));
                    thread.start();
                    threads.add(thread);
                }
                for (Thread thread : threads) {
                    thread.join();
                }
                break;
            }
            case "futures":
                for (Callable<Void> call : calls) {
                    parts.add(CompletableFuture.supplyAsync(() -> quietly(call))
                        .thenApplyAsync(nothing -> quietly(() -> byUrl("/call/" + number + "/" + count)), SHARED));
                }
                all(parts);
                break;
            case "stream":
                calls.parallelStream().forEach(CarrierService::quietly);
                break;
            case "cached":
                // Others wait for the same, and go on in the thread that brings it.
                for (Callable<Void> call : calls) {
                    String key = Integer.toString(Integer.parseInt(number.substring(0, number.length() - 1)) / 8);
                    parts.add(CACHE.computeIfAbsent(key, any -> CompletableFuture.supplyAsync(() -> {
                        quietly(() -> byUrl("/cached"));
                        return any;
                    }, SHARED)).thenAccept(any -> quietly(call)));
                }
                all(parts);
                break;
            case "async":
                for (int index = 0; index < count; index++) {
                    parts.add(CLIENT.sendAsync(request("/call/" + number + "/" + index), BodyHandlers.ofString())
                        .thenCompose(any -> CLIENT.sendAsync(
                            request("/call/" + number + "/" + count), BodyHandlers.ofString())));
                }
                all(parts);
                break;
            case "queue":
                queued(calls);
                break;
            case "after":
                answer.run();
                for (Callable<Void> call : calls) {
                    call.call();
                }
                return;
            default:
                others(way, number);
        }
        answer.run();
    }

    // A worker that the first request begins, for all of them. Nobody can tell whose work it does.
    static void queued(List<Callable<Void>> calls) throws Exception {
        if (QUEUED.compareAndSet(false, true)) {
            daemon(() -> {
                try {
                    while (true) {
                        QUEUE.take().run();
                    }
                } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                }
            }).start();
        }
        List<CompletableFuture<Void>> parts = new ArrayList<>();
        for (Callable<Void> call : calls) {
            CompletableFuture<Void> part = new CompletableFuture<>();
            QUEUE.add(() -> part.complete(quietly(call)));
            parts.add(part);
        }
        all(parts);
    }

    static void others(String way, String number) throws Exception {
        switch (way) {
            case "late":
                daemon(() -> {
                    while (true) {
                        quietly(() -> byUrl("/late/" + number));
                        quietly(() -> {
                            Thread.sleep(20);
                            return null;
                        });
                    }
                }).start();
                break;
            case "set":
                byUrl("/set/url", "x-amzn-trace-id", "Root=1-own");
                byClient("/set/client", "TraceParent", "own");
                break;
            case "signed":
                byUrl("/signed/url?X-Amz-SignedHeaders=host%3Bx-amzn-trace-id");
                byClient("/signed/client", "Authorization", signature("x-amzn-trace-id"));
                byClient("/signed/other", "Authorization", signature("x-amz-date"));
                break;
            default:
                throw new IllegalArgumentException(way);
        }
    }

    static void work(String target, Runnable answer) {
        String[] words = target.split("/");
        try {
            call(words[1], words[2], Integer.parseInt(words[3]), answer);
        } catch (Exception error) {
            error.printStackTrace();
            answer.run();
        }
    }

    static void pool(int port, ExecutorService workers) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 512);
        server.createContext("/", exchange -> work(exchange.getRequestURI().getPath(), () -> quietly(() -> {
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write("done\n".getBytes());
            exchange.close();
            return null;
        })));
        server.setExecutor(workers);
        server.start();
    }

    static final byte[] ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n".getBytes();

    static void serve(Socket socket) {
        try (socket; InputStream in = socket.getInputStream()) {
            OutputStream out = socket.getOutputStream();
            StringBuilder head = new StringBuilder();
            for (int letter = in.read(); letter >= 0; letter = in.read()) {
                head.append((char) letter);
                if (head.toString().endsWith("\r\n\r\n")) {
                    work(head.toString().split(" ")[1], () -> quietly(() -> {
                        out.write(ANSWER);
                        return null;
                    }));
                    head.setLength(0);
                }
            }
        } catch (IOException error) {
            // The client went away.
        }
    }

    static void threads(int port, boolean virtual) throws Exception {
        ServerSocket server = new ServerSocket(port, 512, InetAddress.getByName("127.0.0.1"));
        ExecutorService connections = virtual
            ? (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null)
            : null;
        while (true) {
            Socket socket = server.accept();
            if (virtual) {
                connections.execute(() -> serve(socket));
            } else {
                new Thread(() -> serve(socket)).start();
            }
        }
    }

    // Reads what there is of a request; the first call is made at once, the second when the first is
    // answered, by the loop, which then answers itself.
    static void ready(SocketChannel channel, ConcurrentLinkedQueue<Runnable> todo, Runnable wake)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(8192);
        int count = channel.read(buffer);
        if (count < 0) {
            channel.close();
        }
        if (count <= 0) {
            return;
        }
        byte[] head = new byte[buffer.flip().remaining()];
        buffer.get(head);
        String path = "/call/" + new String(head).split(" ")[1].split("/")[2] + "/";
        CLIENT.sendAsync(request(path + 0), BodyHandlers.ofString()).whenComplete((any, fault) -> {
            todo.add(() -> CLIENT.sendAsync(request(path + 1), BodyHandlers.ofString()).whenComplete((one, other) ->
                quietly(() -> {
                    channel.write(ByteBuffer.wrap(ANSWER));
                    return null;
                })));
            wake.run();
        });
    }

    static void loop(int port, boolean selects) throws IOException, InterruptedException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress("127.0.0.1", port), 512);
        server.configureBlocking(false);
        Selector selector = Selector.open();
        ConcurrentLinkedQueue<Runnable> todo = new ConcurrentLinkedQueue<>();
        if (selects) {
            server.register(selector, SelectionKey.OP_ACCEPT);
        }
        List<SocketChannel> channels = new ArrayList<>();
        while (true) {
            if (selects) {
                selector.select();
                selector.selectedKeys().clear();
            } else {
                Thread.sleep(1);
            }
            for (SocketChannel one = server.accept(); one != null; one = server.accept()) {
                one.configureBlocking(false);
                channels.add(one);
                if (selects) {
                    one.register(selector, SelectionKey.OP_READ);
                }
            }
            for (SocketChannel one : channels) {
                if (one.isOpen()) {
                    ready(one, todo, selector::wakeup);
                }
            }
            for (Runnable work = todo.poll(); work != null; work = todo.poll()) {
                work.run();
            }
        }
    }

    public static void main(String[] words) throws Exception {
        int port = Integer.parseInt(words[1]);
        new Timer(true).schedule(new TimerTask() {
            @Override
            public void run() {
                quietly(() -> byUrl("/background/1"));
                quietly(() -> byClient("/background/2"));
            }
        }, 0, 10);
        switch (words[0]) {
            case "pool":
                pool(port, Executors.newFixedThreadPool(72));
                break;
            case "single":
                pool(port, null);
                break;
            case "loop":
            case "poll":
                loop(port, words[0].equals("loop"));
                break;
            default:
                threads(port, words[0].equals("virtual"));
        }
    }
}
