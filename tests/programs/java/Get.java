import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;

/** An unmodified program that asks for one URL through HTTPS_PROXY and prints the status. Its trust
 * store is whatever JAVA_TOOL_OPTIONS says. */
class Get {
    public static void main(String[] arguments) throws Exception {
        URI told = URI.create(System.getenv("HTTPS_PROXY"));
        Proxy proxy =
            new Proxy(Proxy.Type.HTTP, new InetSocketAddress(told.getHost(), told.getPort()));
        HttpURLConnection connection =
            (HttpURLConnection) URI.create(arguments[0]).toURL().openConnection(proxy);
        System.out.println("told " + connection.getResponseCode());
    }
}
