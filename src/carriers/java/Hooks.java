package sideray;

import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.concurrent.RunnableScheduledFuture;

/** What the patched classes call (see Targets). None of these lets a fault out. */
public final class Hooks {
    /** Accepted sockets and channels. */
    private static final Table<Connection> ACCEPTED = new Table<Connection>();
    /** Threads that were started and have not asked yet whom they work for. */
    static final Table<Cell> STARTED = new Table<Cell>();
    /** Whether there ever was a request with a trace header. */
    static volatile boolean active;

    private Hooks() {
    }

    // Inbound.

    /** This was accepted, or is about to be. */
    public static void accepted(Object socket) {
        try {
            if (socket != null) {
                ACCEPTED.putIfAbsent(socket, new Connection());
                Agent.arm();
            }
        } catch (Throwable fault) {
            // Nobody's business.
        }
    }

    /** A thread that accepts is done with what it did. */
    public static void accepts(Object socket) {
        try {
            Slot.mine().clear();
        } catch (Throwable fault) {
            // As above.
        }
        accepted(socket);
    }

    public static void read(int count, Object socket, byte[] data, int from) {
        try {
            Connection connection = count <= 0 ? null : ACCEPTED.get(socket);
            if (connection != null) {
                boolean headed = !connection.passes(count) && connection.read(data, from, count);
                Slot.mine().read(connection.cell(), headed);
            }
        } catch (Throwable fault) {
            forget(socket);
        }
    }

    public static void read(int count, Object socket, ByteBuffer buffer) {
        try {
            Connection connection = count <= 0 ? null : ACCEPTED.get(socket);
            if (connection != null) {
                boolean headed = false;
                if (!connection.passes(count)) {
                    byte[] data = new byte[count];
                    copy(buffer, buffer.position() - count, data);
                    headed = connection.read(data, 0, count);
                }
                Slot.mine().read(connection.cell(), headed);
            }
        } catch (Throwable fault) {
            forget(socket);
        }
    }

    /** It is read in a way that is not followed. */
    public static void forget(Object socket) {
        try {
            Connection connection = ACCEPTED.remove(socket);
            if (connection != null) {
                connection.unseen();
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    public static void wrote(Object socket, byte[] data, int from, int count) {
        try {
            Connection connection = ACCEPTED.get(socket);
            if (connection != null) {
                connection.wrote(data, from, count);
            }
        } catch (Throwable fault) {
            over(socket);
        }
    }

    public static void wrote(int count, Object socket, ByteBuffer buffer) {
        try {
            Connection connection = count <= 0 ? null : ACCEPTED.get(socket);
            if (connection != null && !connection.settled()) {
                byte[] data = new byte[count];
                copy(buffer, buffer.position() - count, data);
                connection.wrote(data, 0, count);
            }
        } catch (Throwable fault) {
            over(socket);
        }
    }

    /** Several buffers are about to be written. */
    public static void writes(Object socket, ByteBuffer[] buffers, int from, int count) {
        try {
            Slot slot = Slot.mine();
            slot.buffers = null;
            Connection connection = ACCEPTED.get(socket);
            if (connection != null && !connection.settled()) {
                int[] positions = new int[count];
                ByteBuffer[] those = new ByteBuffer[count];
                for (int at = 0; at < count; at++) {
                    those[at] = buffers[from + at];
                    positions[at] = those[at].position();
                }
                slot.buffers = those;
                slot.positions = positions;
            }
        } catch (Throwable fault) {
            // The buffers are the caller's to be told about.
        }
    }

    /** They were. */
    public static void wrote(Object socket) {
        try {
            Slot slot = Slot.mine();
            ByteBuffer[] buffers = slot.buffers;
            slot.buffers = null;
            Connection connection = buffers == null ? null : ACCEPTED.get(socket);
            if (connection != null) {
                for (int at = 0; at < buffers.length; at++) {
                    int from = slot.positions[at];
                    byte[] data = new byte[buffers[at].position() - from];
                    copy(buffers[at], from, data);
                    connection.wrote(data, 0, data.length);
                }
            }
        } catch (Throwable fault) {
            over(socket);
        }
    }

    private static void copy(ByteBuffer buffer, int from, byte[] data) {
        if (buffer.hasArray()) {
            System.arraycopy(buffer.array(), buffer.arrayOffset() + from, data, 0, data.length);
            return;
        }
        for (int at = 0; at < data.length; at++) {
            data[at] = buffer.get(from + at);
        }
    }

    /** It is closed, or written to in a way that is not followed. */
    public static void over(Object socket) {
        try {
            Connection connection = socket == null ? null : ACCEPTED.get(socket);
            if (connection != null) {
                connection.over();
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** This thread looks for whoever is ready: it is an event loop's. */
    public static void selects() {
        try {
            Slot slot = Slot.mine();
            slot.loop = true;
            // The JDK's server looks once more before it reads the request that it has begun with.
            if (!slot.scope || slot.cell != null) {
                slot.clear();
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** This thread handles one connection, until `clear`. */
    public static void scope() {
        try {
            Slot slot = Slot.mine();
            slot.clear();
            slot.scope = true;
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** This thread is done with what it did. */
    public static void clear() {
        try {
            Slot.mine().clear();
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** This thread waits for what others have for it, so it works for more than who started it. */
    public static void takes() {
        try {
            Slot slot = active ? Slot.mine() : null;
            if (slot != null && slot.how != Slot.READ) {
                slot.cell = null;
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    // Tasks and threads.

    /** A task is made that will be run once, now or later, here or elsewhere. */
    public static void made(Object task) {
        try {
            Slot slot = active ? Slot.mine() : null;
            if (slot != null && slot.value() != null) {
                Task.made(task, slot.cell);
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A task is made that will be given to a pool, but perhaps by a thread that is done with another. */
    public static void waits(Object task) {
        try {
            Slot slot = Slot.mine();
            Task.made(task, slot.value() == null ? null : slot.cell);
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A task is given to a pool. */
    public static void given(Object task) {
        try {
            if (active && task != null) {
                Slot slot = Slot.mine();
                boolean none = slot.value() == null || Shared.task(task);
                Task.given(task, none ? null : slot.cell);
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A task is given to a pool for later; one that comes again and again is nobody's. */
    public static void planned(Object task) {
        try {
            if (!((RunnableScheduledFuture<?>) task).isPeriodic()) {
                given(task);
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A pool's thread begins a task. */
    public static void begins(Object task) {
        try {
            Slot slot = Slot.mine();
            slot.clear();
            slot.loop = false;
            if (active) {
                slot.set(Task.begun(task), Slot.TASK);
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A thread begins a task amidst what it does, until `leave`. */
    public static void enter(Object task) {
        try {
            Slot.mine().enter(active ? Task.begun(task) : null);
        } catch (Throwable fault) {
            // As above.
        }
    }

    public static void leave() {
        try {
            Slot.mine().leave();
        } catch (Throwable fault) {
            // As above.
        }
    }

    /** A thread is started. */
    public static void starts(Thread thread) {
        try {
            Slot slot = active ? Slot.mine() : null;
            if (slot != null && slot.value() != null && !Shared.thread(thread)) {
                STARTED.putIfAbsent(thread, slot.cell);
            }
        } catch (Throwable fault) {
            // As above.
        }
    }

    // Outbound.

    /** Whether a request gets a header; it is `name` and `value`. */
    public static boolean adds(Object line, Object xray, Object w3c, Object authorization) {
        return xray == null && w3c == null && adds(line, false, false, authorization);
    }

    public static boolean adds(Object line, boolean xray, boolean w3c, Object authorization) {
        try {
            Slot slot = active && !xray && !w3c ? Slot.mine() : null;
            if (slot == null) {
                return false;
            }
            slot.given = null;
            slot.next = 0;
            String[] pairs = slot.value();
            if (pairs == null || line == null || !Outbound.fit(line.toString(), authorization)) {
                return false;
            }
            slot.given = pairs;
            return true;
        } catch (Throwable fault) {
            return false;
        }
    }

    /** Whether it gets one more. */
    public static boolean more() {
        try {
            Slot slot = active ? Slot.mine() : null;
            if (slot == null || slot.given == null) {
                return false;
            }
            boolean more = slot.next > 0 && slot.next < slot.given.length;
            slot.given = more ? slot.given : null;
            return more;
        } catch (Throwable fault) {
            return false;
        }
    }

    public static String name() {
        Slot slot = Slot.mine();
        return slot.given[slot.next];
    }

    public static String value() {
        Slot slot = Slot.mine();
        slot.next += 2;
        return slot.given[slot.next - 1];
    }
}
