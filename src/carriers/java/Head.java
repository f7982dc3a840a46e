package sideray;

import java.util.Locale;

/** What is looked for in the head of a message: its bytes, from one offset to another. */
final class Head {
    /** Longer heads than any server takes by default. */
    static final int LIMIT = 65536;
    /** Longer values are no trace headers, and are not worth repeating on every call. */
    private static final int LONGEST = 1024;
    static final String XRAY = "X-Amzn-Trace-Id";
    static final String W3C = "traceparent";
    private static final byte[] XRAY_LINE = line("x-amzn-trace-id:");
    private static final byte[] W3C_LINE = line("traceparent:");
    private static final byte[] CODING_LINE = line("transfer-encoding:");
    private static final byte[] LENGTH_LINE = line("content-length:");

    private Head() {
    }

    @SuppressWarnings("deprecation")
    private static byte[] line(String text) {
        byte[] bytes = new byte[text.length() + 1];
        bytes[0] = '\n';
        text.getBytes(0, text.length(), bytes, 1);
        return bytes;
    }

    /** The pairs to remember of a request, or null. */
    static String[] chosen(byte[] data, int from, int to) {
        String xray = sound(value(XRAY_LINE, data, from, to));
        String w3c = sound(value(W3C_LINE, data, from, to));
        if (xray == null) {
            return w3c == null ? null : new String[] {W3C, w3c};
        }
        return w3c == null ? new String[] {XRAY, xray} : new String[] {XRAY, xray, W3C, w3c};
    }

    /** The value if it may be put in a head as it is, else null. */
    private static String sound(String value) {
        if (value == null || value.isEmpty() || value.length() > LONGEST) {
            return null;
        }
        for (int at = 0; at < value.length(); at++) {
            char letter = value.charAt(at);
            if (letter < ' ' || letter > '~') {
                return null;
            }
        }
        return value;
    }

    static String coding(byte[] data, int from, int to) {
        String value = value(CODING_LINE, data, from, to);
        return value == null ? null : value.toLowerCase(Locale.ROOT);
    }

    /** -1 without one, -2 if it is not understood. */
    static long length(byte[] data, int from, int to) {
        String value = value(LENGTH_LINE, data, from, to);
        if (value == null) {
            return -1;
        }
        if (value.isEmpty() || value.length() > 18) {
            return -2;
        }
        long length = 0;
        for (int at = 0; at < value.length(); at++) {
            char digit = value.charAt(at);
            if (digit < '0' || digit > '9') {
                return -2;
            }
            length = length * 10 + (digit - '0');
        }
        return length;
    }

    /** A header's first value, trimmed, or null. */
    private static String value(byte[] line, byte[] data, int from, int to) {
        for (int at = from; at + line.length <= to; at++) {
            if (data[at] == '\n' && begins(line, data, at)) {
                int start = at + line.length;
                int end = start;
                while (end < to && data[end] != '\n') {
                    end++;
                }
                return text(data, start, end).trim();
            }
        }
        return null;
    }

    private static boolean begins(byte[] line, byte[] data, int at) {
        for (int index = 1; index < line.length; index++) {
            int letter = data[at + index];
            if (letter >= 'A' && letter <= 'Z') {
                letter += 'a' - 'A';
            }
            if (letter != line[index]) {
                return false;
            }
        }
        return true;
    }

    /** Bytes as Latin-1, without a look at charsets. */
    @SuppressWarnings("deprecation")
    static String text(byte[] data, int from, int to) {
        return new String(data, 0, from, to - from);
    }

    /** The offset behind the empty line that ends a head, or -1. */
    static int end(byte[] data, int from, int to) {
        for (int at = from; at + 1 < to; at++) {
            if (data[at] != '\n') {
                continue;
            }
            if (data[at + 1] == '\n') {
                return at + 2;
            }
            if (data[at + 1] == '\r' && at + 2 < to && data[at + 2] == '\n') {
                return at + 3;
            }
        }
        return -1;
    }

    /** Whether what begins there can be a request line of HTTP/1. */
    static boolean plausible(byte[] data, int from, int to) {
        int at = from;
        while (at < to && (data[at] >= 'A' && data[at] <= 'Z' || data[at] == '-')) {
            at++;
        }
        if (at - from >= 32) {
            return false;
        }
        if (at == to) {
            return true;
        }
        if (at == from || data[at] != ' ') {
            return false;
        }
        int end = at;
        while (end < to && data[end] != '\n') {
            end++;
        }
        if (end == to) {
            return true;
        }
        String[] words = text(data, from, end).trim().split(" ");
        return words.length == 3 && words[2].startsWith("HTTP/1.");
    }

    static boolean startsWith(String text, byte[] data, int from, int to) {
        if (to - from < text.length()) {
            return false;
        }
        for (int at = 0; at < text.length(); at++) {
            if (data[from + at] != text.charAt(at)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a signature (AWS Signature Version 4), in a header or in a query, covers a name. */
    static boolean covers(String signature) {
        if (signature == null) {
            return false;
        }
        String low = signature.toLowerCase(Locale.ROOT);
        int from = low.indexOf("signedheaders=");
        if (from < 0) {
            return false;
        }
        int to = from;
        while (to < low.length() && ",& \t".indexOf(low.charAt(to)) < 0) {
            to++;
        }
        String names = low.substring(from, to);
        return names.contains("x-amzn-trace-id") || names.contains(W3C);
    }
}
