// An unmodified program: gets URL/old by the JDK's old client, and URL/new by its new one.
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Get {
    public static void main(String[] words) throws Exception {
        URI old = URI.create(words[0] + "/old");
        HttpURLConnection connection = (HttpURLConnection) old.toURL().openConnection();
        String body = new String(connection.getInputStream().readAllBytes());
        System.out.println(connection.getResponseCode() + " " + body);

        HttpRequest request = HttpRequest.newBuilder(URI.create(words[0] + "/new")).build();
        var response = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        System.out.println(response.statusCode() + " " + response.body());
    }
}
