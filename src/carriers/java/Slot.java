package sideray;

import java.nio.ByteBuffer;

/** What a thread works for just now. Only its own thread touches it. */
final class Slot {
    /** How it came by its Cell: it read the head, runs a task, or was started. */
    static final int READ = 1;
    static final int TASK = 2;
    static final int START = 3;

    private static final Threads THREADS = new Threads();

    Cell cell;
    int how;
    /** It waits for many connections at once, so what it reads tells nothing of what it does next. */
    boolean loop;
    /** But here it handles just one of them, until it says that it is done. */
    boolean scope;
    /** The buffers that it is about to write, and where each began. */
    ByteBuffer[] buffers;
    int[] positions;
    /** The headers that are being put on a request, and which comes next. */
    String[] given;
    int next;

    private Cell[] cells;
    private int[] hows;
    private int depth;

    static Slot mine() {
        return THREADS.get();
    }

    void set(Cell now, int by) {
        cell = now;
        how = by;
    }

    /** What this thread did is done. */
    void clear() {
        cell = null;
        how = 0;
        depth = 0;
        scope = false;
    }

    /** For a while it works for somebody else. */
    void enter(Cell now) {
        if (cells == null) {
            cells = new Cell[8];
            hows = new int[8];
        } else if (depth == cells.length) {
            Cell[] more = new Cell[depth * 2];
            int[] further = new int[depth * 2];
            System.arraycopy(cells, 0, more, 0, depth);
            System.arraycopy(hows, 0, further, 0, depth);
            cells = more;
            hows = further;
        }
        cells[depth] = cell;
        hows[depth] = how;
        depth++;
        set(now, TASK);
    }

    void leave() {
        if (depth == 0) {
            set(null, 0);
            return;
        }
        depth--;
        set(cells[depth], hows[depth]);
        cells[depth] = null;
    }

    /** It has read from a connection; `headed` if a head ended. */
    void read(Cell of, boolean headed) {
        if (!headed && !scope) {
            if (cell != of) {
                cell = null;
            }
            return;
        }
        if (how == READ && cell != null && cell != of && !cell.isOver()) {
            // Two requests at once: it serves neither to its end before it looks at the next.
            loop = true;
        }
        set(loop && !scope ? null : of, READ);
    }

    /** What a request that is made now is to carry, or null. */
    String[] value() {
        return cell == null ? null : cell.value();
    }

    private static final class Threads extends ThreadLocal<Slot> {
        @Override
        protected Slot initialValue() {
            Slot slot = new Slot();
            Cell cell = Hooks.STARTED.remove(Thread.currentThread());
            if (cell != null) {
                slot.set(cell, START);
            }
            return slot;
        }
    }
}
