package sideray;

/**
 * Follows the bytes of requests on one connection: heads, and bodies as far as Content-Length and
 * chunks tell. What does not look like HTTP/1 makes it opaque for good.
 */
abstract class Framing {
    static final int HEAD = 0;
    static final int BODY = 1;
    static final int SIZE = 2;
    static final int CHUNK = 3;
    static final int TRAILER = 4;
    static final int OPAQUE = 5;
    private static final int LONGEST_LINE = 4096;
    private static final byte[] NOTHING = {};

    int state = HEAD;
    private byte[] kept = NOTHING;
    private int scanned;
    private long left;

    /** A head was read. */
    abstract void head(byte[] data, int from, int to);

    /** A request was read to its end, and so many bytes behind it. */
    abstract void whole(int further);

    /** From here on it cannot be followed. */
    abstract void lost();

    /** Takes bytes that only go on with a body, unseen. False if they must be fed. */
    final boolean skip(int count) {
        if ((state == BODY || state == CHUNK) && count < left) {
            left -= count;
            return true;
        }
        return state == OPAQUE;
    }

    final void feed(byte[] data, int from, int count) {
        if (count <= 0 || skip(count)) {
            return;
        }
        byte[] all = data;
        int at = from;
        int to = from + count;
        if (kept.length > 0) {
            all = new byte[kept.length + count];
            System.arraycopy(kept, 0, all, 0, kept.length);
            System.arraycopy(data, from, all, kept.length, count);
            at = 0;
            to = all.length;
        }
        while (at < to && state != OPAQUE) {
            int next = step(all, at, to);
            if (next < 0) {
                break;
            }
            at = next;
            scanned = 0;
        }
        if (state == OPAQUE || at >= to) {
            kept = NOTHING;
        } else {
            kept = new byte[to - at];
            System.arraycopy(all, at, kept, 0, kept.length);
        }
    }

    /** Takes one thing; the offset behind it, or -1 if more bytes are needed. */
    private int step(byte[] data, int at, int to) {
        if (state == HEAD) {
            return stepHead(data, at, to);
        }
        if (state == BODY || state == CHUNK) {
            int taken = (int) Math.min(left, to - at);
            left -= taken;
            if (left == 0) {
                if (state == CHUNK) {
                    state = SIZE;
                } else {
                    ended(to - at - taken);
                }
            }
            return at + taken;
        }
        int end = at;
        while (end < to && data[end] != '\n') {
            end++;
        }
        if (end == to) {
            if (to - at > LONGEST_LINE) {
                lose();
            }
            return -1;
        }
        String line = Head.text(data, at, end).trim();
        if (state == SIZE) {
            size(line);
        } else if (line.isEmpty()) {
            ended(to - end - 1);
        }
        return end + 1;
    }

    private int stepHead(byte[] data, int at, int to) {
        if (data[at] == '\r' || data[at] == '\n') {
            return at + 1;
        }
        int end = Head.end(data, at + Math.max(0, scanned - 3), to);
        scanned = to - at;
        if (!Head.plausible(data, at, to) || (end < 0 ? to : end) - at >= Head.LIMIT) {
            lose();
            return -1;
        }
        if (end < 0) {
            return -1;
        }
        head(data, at, end);
        body(data, at, end, to - end);
        return end;
    }

    private void body(byte[] data, int from, int to, int further) {
        String coding = Head.coding(data, from, to);
        long length = Head.length(data, from, to);
        if (Head.startsWith("CONNECT ", data, from, to)) {
            lose();
        } else if (coding != null) {
            if (coding.endsWith("chunked")) {
                state = SIZE;
            } else {
                lose();
            }
        } else if (length == -2) {
            lose();
        } else if (length > 0) {
            state = BODY;
            left = length;
        } else {
            ended(further);
        }
    }

    private void size(String line) {
        int semicolon = line.indexOf(';');
        String digits = (semicolon < 0 ? line : line.substring(0, semicolon)).trim();
        long size;
        try {
            size = digits.length() > 15 ? -1 : Long.parseLong(digits, 16);
        } catch (NumberFormatException error) {
            size = -1;
        }
        if (size < 0) {
            lose();
        } else if (size == 0) {
            state = TRAILER;
        } else {
            state = CHUNK;
            left = size + 2;
        }
    }

    private void ended(int further) {
        state = HEAD;
        whole(further);
    }

    final void lose() {
        state = OPAQUE;
        lost();
    }
}
