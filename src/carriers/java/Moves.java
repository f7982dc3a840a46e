package sideray;

import java.util.List;

/** Where the instructions of a method are once code is put between them. */
final class Moves {
    final List<Insertion> insertions;
    private final int length;

    Moves(List<Insertion> insertions, int length) {
        this.insertions = insertions;
        this.length = length;
    }

    /** Where an instruction now is. */
    int place(int at) throws Unfit {
        return moved(at, true);
    }

    /** Where a jump to it now goes, or a range that begins or ends with it. */
    int target(int at) throws Unfit {
        return moved(at, false);
    }

    private int moved(int at, boolean all) throws Unfit {
        if (at < 0 || at > length) {
            throw new Unfit();
        }
        int now = at;
        for (Insertion one : insertions) {
            if (one.at < at || one.at == at && (all || one.skipped)) {
                now += one.code.length;
            }
        }
        return now;
    }
}
