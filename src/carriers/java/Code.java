package sideray;

import java.util.ArrayList;
import java.util.List;

/** The Code attribute of a method, with code put into it. */
final class Code {
    /** How long each instruction is; 0 for those that tell it themselves, 9 for none. */
    private static final String LENGTHS =
        "1111111111111111" + "2323322222111111" + "1111111111111111" + "1111112222211111"
        + "1111111111111111" + "1111111111111111" + "1111111111111111" + "1111111111111111"
        + "1111311111111111" + "1111111113333333" + "3333333332001111" + "1133333335532311"
        + "3311043355";
    private static final int STACK = 8;

    private final Pool pool;
    private final String owner;
    private final Bytes in;
    private final int stack;
    private final int locals;
    private final byte[] code;
    private final List<Insertion> insertions = new ArrayList<Insertion>();

    Code(Pool pool, String owner, Bytes in) throws Unfit {
        this.pool = pool;
        this.owner = owner;
        this.in = in;
        stack = in.u2();
        locals = in.u2();
        code = in.slice(in.u4()).toArray();
    }

    /** The attribute with those edits made: where, and the words. */
    byte[] edited(List<String> edits) throws Unfit {
        for (String edit : edits) {
            plan(edit);
        }
        Moves moves = new Moves(insertions, code.length);
        Bytes moved = moves(moves);
        if (moved.size() > 65535) {
            throw new Unfit();
        }
        Bytes out = new Bytes();
        out.u2(stack + STACK).u2(locals).u4(moved.size());
        out.add(moved);
        int handlers = out.u2(in);
        for (int handler = 0; handler < handlers; handler++) {
            out.u2(moves.target(in.u2())).u2(moves.target(in.u2())).u2(moves.target(in.u2()));
            out.copy(in, 2);
        }
        new Attributes(pool, in, moves).write(out);
        return out.toArray();
    }

    private void plan(String edit) throws Unfit {
        char where = edit.charAt(0);
        if (where == '>') {
            insert(edit.substring(2), 0, true);
            return;
        }
        int space = edit.indexOf(' ');
        String[] parts = edit.substring(space + 1).split(" \\| ");
        boolean found = false;
        for (int at = 0; at < code.length; at += length(at)) {
            int op = code[at] & 0xff;
            stores(op, at, parts[0]);
            if (where == '<' && op >= 172 && op <= 177) {
                insert(parts[0], at, false);
                found = true;
            } else if (where == '@' && op >= 182 && op <= 185
                && pool.method(u2(at + 1)).equals(edit.substring(1, space))) {
                insert(parts[0], at, false);
                if (parts.length > 1) {
                    insert(parts[1], at + length(at), true);
                }
                found = true;
            }
        }
        if (!found) {
            throw new Unfit();
        }
    }

    private void insert(String words, int at, boolean skipped) throws Unfit {
        Insertion insertion = Words.insertion(pool, owner, words);
        insertion.at = at;
        insertion.skipped = skipped;
        int place = insertions.size();
        while (place > 0 && insertions.get(place - 1).at > at) {
            place--;
        }
        insertions.add(place, insertion);
    }

    /** A parameter that the words load must be there still. */
    private void stores(int op, int at, String words) throws Unfit {
        int local = -1;
        if (op >= 54 && op <= 58 || op == 132) {
            local = code[at + 1] & 0xff;
        } else if (op >= 59 && op <= 78) {
            local = (op - 59) % 4;
        }
        String padded = " " + words + " ";
        if (local >= 0 && (padded.contains(" a" + local + " ") || padded.contains(" i" + local + " "))) {
            throw new Unfit();
        }
    }

    private int u2(int at) {
        return (code[at] & 0xff) << 8 | code[at + 1] & 0xff;
    }

    private int u4(int at) {
        return u2(at) << 16 | u2(at + 2);
    }

    private int length(int at) throws Unfit {
        int op = code[at] & 0xff;
        if (op >= LENGTHS.length()) {
            throw new Unfit();
        }
        int length = LENGTHS.charAt(op) - '0';
        if (length > 0) {
            return length;
        }
        if (op == 196) {
            return (code[at + 1] & 0xff) == 132 ? 6 : 4;
        }
        int start = (at + 4) & ~3;
        if (op == 170) {
            return start + 12 + 4 * (u4(start + 8) - u4(start + 4) + 1) - at;
        }
        return start + 8 + 8 * u4(start + 4) - at;
    }

    /** The code with everything where it then is. */
    private Bytes moves(Moves moves) throws Unfit {
        Bytes out = new Bytes();
        int next = 0;
        for (int at = 0; at < code.length; at += length(at)) {
            while (next < insertions.size() && insertions.get(next).at == at) {
                out.add(insertions.get(next++).code);
            }
            instruction(at, moves, out);
        }
        if (next < insertions.size()) {
            throw new Unfit();
        }
        return out;
    }

    private void instruction(int at, Moves moves, Bytes out) throws Unfit {
        int op = code[at] & 0xff;
        int here = moves.place(at);
        if (op >= 153 && op <= 168 || op == 198 || op == 199) {
            int jump = moves.target(at + (short) u2(at + 1)) - here;
            if (jump != (short) jump) {
                throw new Unfit();
            }
            out.u1(op).u2(jump);
        } else if (op == 200 || op == 201) {
            out.u1(op).u4(moves.target(at + u4(at + 1)) - here);
        } else if (op == 170 || op == 171) {
            table(op, at, here, moves, out);
        } else {
            for (int index = at; index < at + length(at); index++) {
                out.u1(code[index]);
            }
        }
    }

    private void table(int op, int at, int here, Moves moves, Bytes out) throws Unfit {
        int start = (at + 4) & ~3;
        int end = at + length(at);
        out.u1(op);
        for (int index = at + 1; index < start; index++) {
            out.u1(0);
        }
        out.u4(moves.target(at + u4(start)) - here);
        int index = start + 4;
        if (op == 170) {
            out.u4(u4(index)).u4(u4(index + 4));
            index += 8;
        } else {
            out.u4(u4(index));
            index += 4;
        }
        while (index < end) {
            if (op == 171) {
                out.u4(u4(index));
                index += 4;
            }
            out.u4(moves.target(at + u4(index)) - here);
            index += 4;
        }
    }
}
