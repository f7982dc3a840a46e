package sideray;

import java.util.ArrayList;
import java.util.List;

/**
 * A class file with edits (see Targets) made: constants are added to the pool and code to methods,
 * nothing else changes. What is not understood is an Unfit, and the class stays as it is.
 */
final class Patch {
    private final Pool pool;
    private final String name;
    private final String[] edits;
    private final boolean[] made;

    private Patch(Pool pool, String name, String[] edits) {
        this.pool = pool;
        this.name = name;
        this.edits = edits;
        this.made = new boolean[edits.length];
    }

    static byte[] apply(byte[] file, String name, String[] edits) throws Unfit {
        Bytes in = new Bytes(file);
        if (in.u4() != 0xcafebabe) {
            throw new Unfit();
        }
        in.u4();
        Pool pool = new Pool(in);
        return new Patch(pool, name, edits).whole(in);
    }

    private byte[] whole(Bytes in) throws Unfit {
        Bytes rest = new Bytes();
        rest.copy(in, 6);
        rest.copy(in, 2 * rest.u2(in));
        members(in, rest, false);
        members(in, rest, true);
        rest.copy(in, in.left());
        for (int at = 0; at < edits.length; at++) {
            if (!made[at] && !edits[at].startsWith("?")) {
                throw new Unfit();
            }
        }
        Bytes out = new Bytes();
        out.copy(in.at(0), 8);
        pool.write(out);
        out.add(rest);
        return out.toArray();
    }

    private void members(Bytes in, Bytes out, boolean methods) throws Unfit {
        int count = out.u2(in);
        for (int member = 0; member < count; member++) {
            out.copy(in, 2);
            String title = pool.text(out.u2(in));
            title += methods ? pool.text(out.u2(in)) : ":" + pool.text(out.u2(in));
            if (!methods) {
                pool.fields.add(title);
            }
            List<String> wanted = methods ? wanted(title) : null;
            int attributes = out.u2(in);
            for (int attribute = 0; attribute < attributes; attribute++) {
                String what = pool.text(out.u2(in));
                int length = in.u4();
                if (wanted == null || wanted.isEmpty() || !what.equals("Code")) {
                    out.u4(length);
                    out.copy(in, length);
                } else {
                    byte[] code = new Code(pool, name, in.slice(length)).edited(wanted);
                    out.u4(code.length);
                    out.add(code);
                }
            }
        }
    }

    /** What is to be done to a method, without its title. */
    private List<String> wanted(String title) {
        List<String> found = new ArrayList<String>();
        for (int at = 0; at < edits.length; at++) {
            String edit = edits[at].startsWith("?") ? edits[at].substring(1) : edits[at];
            int space = edit.indexOf(' ');
            String method = edit.substring(0, space);
            boolean any = method.endsWith("*");
            if (any ? title.startsWith(method.substring(0, space - 1)) : title.equals(method)) {
                found.add(edit.substring(space + 1));
                made[at] = true;
            }
        }
        return found;
    }
}
