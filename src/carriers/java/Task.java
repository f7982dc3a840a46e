package sideray;

/**
 * Whose work a task is: that of who gave it to a pool, or of who made it (`made`). One that was given
 * by two at once is nobody's.
 */
final class Task {
    private static final Table<Task> ALL = new Table<Task>();

    private final boolean made;
    private Cell cell;
    private int pending = 1;
    private boolean done;

    private Task(Cell cell, boolean made) {
        this.cell = cell;
        this.made = made;
    }

    /** A task is made that will be run once, whoever then hands it on. */
    static void made(Object one, Cell cell) {
        ALL.putIfAbsent(one, new Task(cell, true));
    }

    /** A task is given to a pool. */
    static void given(Object one, Cell cell) {
        Task task = null;
        while (true) {
            Task there = ALL.get(one);
            if (there == null) {
                task = task == null ? new Task(cell, false) : task;
                there = ALL.putIfAbsent(one, task);
                if (there == null) {
                    return;
                }
            }
            if (there.again(cell)) {
                return;
            }
        }
    }

    private synchronized boolean again(Cell other) {
        if (done) {
            return false;
        }
        if (!made) {
            pending++;
            if (cell != other) {
                cell = null;
            }
        }
        return true;
    }

    /** A task begins: whose it is. */
    static Cell begun(Object one) {
        Task task = ALL.get(one);
        return task == null ? null : task.take(one);
    }

    private synchronized Cell take(Object one) {
        pending--;
        if (pending <= 0) {
            done = true;
            ALL.remove(one);
        }
        return cell;
    }
}
