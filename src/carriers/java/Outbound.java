package sideray;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiPredicate;

/** Puts the headers of the thread's request on outgoing ones. Called by patched classes. */
public final class Outbound implements BiPredicate<String, String> {
    private static final Outbound ANY = new Outbound();

    private Outbound() {
    }

    @Override
    public boolean test(String name, String value) {
        return true;
    }

    /** Headers that were found to be fit are so still. */
    public static BiPredicate<String, String> any() {
        return ANY;
    }

    /**
     * Whether a request may be added to. `line` begins with its method, and has its target. Not a
     * tunnel, which is a connection, nor one whose signature covers a trace header that it lacks.
     */
    static boolean fit(String line, Object authorization) {
        return !line.startsWith("CONNECT ")
            && !Head.covers(line)
            && (authorization == null || !Head.covers(authorization.toString()));
    }

    /** For java.net.http: the headers with those that are added. */
    public static Map<String, List<String>> client(
            Map<String, List<String>> headers, Object target, String method) {
        try {
            String[] pairs = Hooks.active ? Slot.mine().value() : null;
            if (pairs == null) {
                return headers;
            }
            String authorization = "";
            for (Map.Entry<String, List<String>> header : headers.entrySet()) {
                String name = header.getKey().toLowerCase(Locale.ROOT);
                if (name.equalsIgnoreCase(Head.XRAY) || name.equals(Head.W3C)) {
                    return headers;
                }
                if (name.equals("authorization")) {
                    authorization += header.getValue();
                }
            }
            if (!fit(method + " " + target, authorization)) {
                return headers;
            }
            Map<String, List<String>> more = new HashMap<String, List<String>>(headers);
            for (int at = 0; at < pairs.length; at += 2) {
                more.put(pairs[at], Collections.singletonList(pairs[at + 1]));
            }
            return more;
        } catch (Throwable fault) {
            return headers;
        }
    }

    /** For OkHttp: a builder whose request is about to be built. */
    public static void builder(Object builder) {
        try {
            String[] pairs = Hooks.active ? Slot.mine().value() : null;
            if (pairs == null) {
                return;
            }
            Class<?> type = builder.getClass();
            Object request = type.getMethod("build").invoke(builder);
            if (header(request, Head.XRAY) != null || header(request, Head.W3C) != null) {
                return;
            }
            Object target = request.getClass().getMethod("url").invoke(request);
            if (!fit(target.toString(), header(request, "Authorization"))) {
                return;
            }
            for (int at = 0; at < pairs.length; at += 2) {
                type.getMethod("header", String.class, String.class)
                    .invoke(builder, pairs[at], pairs[at + 1]);
            }
        } catch (Throwable fault) {
            // It goes without.
        }
    }

    private static Object header(Object request, String name) throws ReflectiveOperationException {
        return request.getClass().getMethod("header", String.class).invoke(request, name);
    }
}
