package sideray;

/**
 * An accepted connection: whose request is being read, and when its response is complete.
 *
 * A head that is read once the last request is answered begins the next. Read-ahead (the next head
 * comes with the last request, or before its answer) gives both none: nobody can see from the socket
 * where a buffered reader goes from one to the next.
 */
final class Connection extends Framing {
    private static final byte[] NOTHING = {};

    private Cell cell = new Cell();
    private boolean used;
    private boolean answered;
    private boolean bodyless;
    private boolean headed;
    /** How the response goes on once its head is written: BODY, CHUNK, OPAQUE; HEAD before. */
    private int reply = HEAD;
    private byte[] out = NOTHING;
    private long left;
    /** The last seven bytes of a chunked response. */
    private long tail;

    /** Bytes that were read. Whether a head ended among them. */
    synchronized boolean read(byte[] data, int from, int count) {
        headed = false;
        // Not only once the head is whole: some servers take one that the client breaks off.
        next();
        feed(data, from, count);
        return headed;
    }

    /** Bytes that were read, if they need not be looked at. */
    synchronized boolean passes(int count) {
        return skip(count);
    }

    /** That of the request which was read last. */
    synchronized Cell cell() {
        return cell;
    }

    @Override
    void head(byte[] data, int from, int to) {
        next();
        if (used) {
            cell.fill(null);
        } else {
            String[] pairs = Head.chosen(data, from, to);
            cell.fill(pairs);
            bodyless = Head.startsWith("HEAD ", data, from, to);
            used = true;
            if (pairs != null) {
                Hooks.active = true;
            }
        }
        headed = true;
    }

    /** Begins the next request, if the last is done with. */
    private void next() {
        if (state == HEAD && used && answered) {
            cell.end();
            cell = new Cell();
            used = answered = bodyless = false;
            reply = HEAD;
            out = NOTHING;
            left = 0;
            tail = 0;
        }
    }

    @Override
    void whole(int further) {
        if (further > 2) {
            cell.fill(null);
        }
    }

    @Override
    void lost() {
        cell.end();
        cell.fill(null);
    }

    /** The connection is closed, or what is written goes a way that is not followed. */
    synchronized void over() {
        answered = true;
        cell.end();
    }

    /** It is read in a way that is not followed. */
    synchronized void unseen() {
        lose();
    }

    /** Whether what is written need not be looked at. */
    synchronized boolean settled() {
        return !used || cell.isOver() || state == OPAQUE;
    }

    /** Bytes that were sent in answer to a request: finds the end of the response. */
    synchronized void wrote(byte[] data, int from, int count) {
        if (settled() || count <= 0) {
            return;
        }
        if (reply != HEAD) {
            body(data, from, count);
            return;
        }
        int taken = Math.min(count, Head.LIMIT);
        byte[] all = new byte[out.length + taken];
        System.arraycopy(out, 0, all, 0, out.length);
        System.arraycopy(data, from, all, out.length, taken);
        int at = 0;
        while (reply == HEAD) {
            int end = Head.end(all, at, all.length);
            boolean like = Head.startsWith("HTTP/1.", all, at, all.length);
            if (all.length - at >= 7 && !like || end < 0 && all.length - at >= Head.LIMIT) {
                // An answer that cannot be followed: what is sent may be its end.
                over();
                return;
            }
            if (end < 0) {
                out = new byte[all.length - at];
                System.arraycopy(all, at, out, 0, out.length);
                return;
            }
            answer(all, at, end);
            at = end;
        }
        out = NOTHING;
        body(all, at, all.length - at);
        body(data, from + taken, count - taken);
    }

    private void answer(byte[] data, int from, int to) {
        String status = Head.text(data, from + 9, Math.min(from + 12, to));
        boolean switched = status.equals("101");
        if (status.startsWith("1") && !switched) {
            return;
        }
        answered = true;
        String coding = Head.coding(data, from, to);
        long length = Head.length(data, from, to);
        if (bodyless || switched || status.equals("204") || status.equals("304")) {
            reply = BODY;
        } else if (coding != null) {
            reply = CHUNK;
        } else if (length >= 0) {
            reply = BODY;
            left = length;
        } else {
            reply = OPAQUE;
        }
    }

    /** A body ends by its length, by its last chunk, or with the connection. */
    private void body(byte[] data, int from, int count) {
        if (reply == BODY) {
            left -= count;
            if (left <= 0) {
                cell.end();
            }
        } else if (reply == CHUNK) {
            for (int at = from + Math.max(0, count - 7); at < from + count; at++) {
                tail = (tail << 8 | data[at] & 0xff) & 0xffffffffffffffL;
            }
            // CR LF 0 CR LF CR LF, or that without the first line's end as the body's first bytes.
            if (tail == 0x0d0a300d0a0d0aL || tail == 0x300d0a0d0aL) {
                cell.end();
            }
        }
    }
}
