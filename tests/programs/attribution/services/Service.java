// A service on the JDK's own HTTP server with a pool of threads. `java Service.java PORT url|client`:
// how it calls, by HttpURLConnection or by java.net.http.HttpClient. What a request asks for is told
// in job.py; `par` calls on a pool that all requests share, or by `sendAsync`, `helper` on threads of
// the request's own.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

class Service {
    static final String UPSTREAM = System.getenv("UPSTREAM");
    static final String AFTER = System.getenv("AFTER");
    static final String TIMER = System.getenv("TIMER");
    static final int EVERY = Integer.parseInt(System.getenv("EVERY"));
    static final int TRIES = 3;
    static final ExecutorService SHARED = Executors.newFixedThreadPool(64);
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static boolean old;

    record Call(int think, String path) {}

    static int byUrl(String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(UPSTREAM + path).openConnection();
        int status = connection.getResponseCode();
        try (var body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            if (body != null) {
                body.readAllBytes();
            }
        }
        return status;
    }

    static HttpRequest request(String path) {
        return HttpRequest.newBuilder(URI.create(UPSTREAM + path)).build();
    }

    static void get(String path) throws InterruptedException {
        for (int left = TRIES; left > 0; left--) {
            try {
                int status = old
                    ? byUrl(path)
                    : CLIENT.send(request(path), BodyHandlers.ofString()).statusCode();
                if (status != 503) {
                    return;
                }
            } catch (IOException error) {
                // Tried again.
            }
        }
    }

    static Void one(Call call) throws InterruptedException {
        Thread.sleep(call.think);
        get(call.path);
        return null;
    }

    static void seq(List<Call> calls) throws InterruptedException {
        for (Call call : calls) {
            one(call);
        }
    }

    static void on(ExecutorService pool, List<Call> calls) throws InterruptedException {
        List<Future<Void>> parts = new ArrayList<>();
        for (Call call : calls) {
            parts.add(pool.submit(() -> one(call)));
        }
        for (Future<Void> part : parts) {
            try {
                part.get();
            } catch (java.util.concurrent.ExecutionException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    static void par(List<Call> calls) throws InterruptedException {
        if (old) {
            on(SHARED, calls);
            return;
        }
        List<CompletableFuture<?>> parts = new ArrayList<>();
        for (Call call : calls) {
            Thread.sleep(call.think);
            parts.add(CLIENT.sendAsync(request(call.path), BodyHandlers.ofString())
                .handle((response, error) -> null));
        }
        parts.forEach(CompletableFuture::join);
    }

    static void helper(List<Call> calls) throws InterruptedException {
        ExecutorService own = Executors.newFixedThreadPool(2);
        try {
            on(own, calls);
        } finally {
            own.shutdown();
        }
    }

    static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes();
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    static String parameter(HttpExchange exchange, String name) {
        for (String pair : exchange.getRequestURI().getQuery().split("&")) {
            if (pair.startsWith(name + "=")) {
                return pair.substring(name.length() + 1);
            }
        }
        throw new IllegalArgumentException(name);
    }

    static void handle(HttpExchange exchange) throws IOException {
        String number = exchange.getRequestURI().getPath().split("/")[2];
        String mode = parameter(exchange, "mode");
        String[] thinks = parameter(exchange, "think").split(",");
        String base = mode.equals("late") ? AFTER : "/call";
        List<Call> calls = new ArrayList<>();
        for (int index = 0; index < thinks.length - 1; index++) {
            calls.add(new Call(Integer.parseInt(thinks[index]), base + "/" + number + "/" + index));
        }
        int rest = Integer.parseInt(thinks[thinks.length - 1]);
        try {
            switch (mode) {
                case "seq" -> seq(calls);
                case "par", "shared" -> par(calls);
                case "helper" -> helper(calls);
                default -> { }
            }
            Thread.sleep(rest);
            answer(exchange, "done\n");
            if (mode.equals("late")) {
                seq(calls);
            }
        } catch (InterruptedException error) {
            throw new IOException(error);
        }
    }

    static void poll() {
        try {
            for (int count = 1; ; count++) {
                Thread.sleep(EVERY);
                get(TIMER + "/" + count);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] words) throws IOException {
        old = words[1].equals("url");
        var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0]));
        HttpServer server = HttpServer.create(address, 128);
        server.createContext("/work/", Service::handle);
        server.setExecutor(Executors.newFixedThreadPool(80));
        server.start();
        Thread timer = new Thread(Service::poll);
        timer.setDaemon(true);
        timer.start();
    }
}
