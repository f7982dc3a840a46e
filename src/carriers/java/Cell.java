package sideray;

/**
 * One request's trace headers, shared by every thread and task that works for it, so that its end is
 * seen by all of them. One second after its end it is worth nothing: until then whatever has it was
 * started by its request (fire and forget); what a request leaves behind for ever loses it.
 *
 * The end of a request is what comes first of: the response is complete, as its framing tells; the
 * server reads on; the connection is closed.
 */
final class Cell {
    static final long GRACE = 1_000_000_000L;

    private volatile String[] pairs;
    private volatile boolean over;
    private long ended;

    /** Gives it the headers of its request, as name, value, name, value; null for none. */
    void fill(String[] headers) {
        pairs = headers;
    }

    /** The request is over; the first time counts. */
    void end() {
        if (!over) {
            ended = System.nanoTime();
            over = true;
        }
    }

    boolean isOver() {
        return over;
    }

    /** The headers, unless there are none or the request is over. */
    String[] value() {
        String[] headers = pairs;
        if (headers == null || (over && System.nanoTime() - ended > GRACE)) {
            return null;
        }
        return headers;
    }
}
