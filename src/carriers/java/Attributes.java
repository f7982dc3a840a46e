package sideray;

/** The attributes of a method's code, with everything where it now is. */
final class Attributes {
    private final Pool pool;
    private final Bytes in;
    private final Moves moves;

    Attributes(Pool pool, Bytes in, Moves moves) {
        this.pool = pool;
        this.in = in;
        this.moves = moves;
    }

    void write(Bytes out) throws Unfit {
        Bytes kept = new Bytes();
        int count = 0;
        boolean framed = false;
        int total = in.u2();
        for (int index = 0; index < total; index++) {
            int name = in.u2();
            String what = pool.text(name);
            Bytes from = in.slice(in.u4());
            Bytes to;
            if (what.equals("LineNumberTable")) {
                to = lines(from);
            } else if (what.equals("LocalVariableTable") || what.equals("LocalVariableTypeTable")) {
                to = variables(from);
            } else if (what.equals("StackMapTable")) {
                to = frames(from);
                framed = true;
            } else if (what.endsWith("TypeAnnotations")) {
                // Nothing at run time reads those of code, which tell of offsets.
                continue;
            } else {
                throw new Unfit();
            }
            kept.u2(name).u4(to.size());
            kept.add(to);
            count++;
        }
        if (!framed && framed()) {
            Bytes to = frames(new Bytes(new byte[2]));
            kept.u2(pool.utf8("StackMapTable")).u4(to.size());
            kept.add(to);
            count++;
        }
        out.u2(count);
        out.add(kept);
    }

    private boolean framed() {
        for (Insertion one : moves.insertions) {
            if (one.framed) {
                return true;
            }
        }
        return false;
    }

    private Bytes lines(Bytes from) throws Unfit {
        Bytes to = new Bytes();
        int count = to.u2(from);
        for (int index = 0; index < count; index++) {
            int at = from.u2();
            to.u2(at == 0 ? 0 : moves.target(at));
            to.copy(from, 2);
        }
        return to;
    }

    private Bytes variables(Bytes from) throws Unfit {
        Bytes to = new Bytes();
        int count = to.u2(from);
        for (int index = 0; index < count; index++) {
            int at = from.u2();
            int end = at + from.u2();
            int now = at == 0 ? 0 : moves.target(at);
            to.u2(now).u2(moves.target(end) - now);
            to.copy(from, 6);
        }
        return to;
    }

    /** Source: the JVM specification, 4.7.4. */
    private Bytes frames(Bytes from) throws Unfit {
        Bytes to = new Bytes();
        int count = from.u2();
        int written = 0;
        int last = -1;
        int old = -1;
        int first = -1;
        Bytes all = new Bytes();
        int end = 0;
        for (Insertion one : moves.insertions) {
            end += one.code.length;
            if (one.framed) {
                first = end;
                all.u1(251).u2(first - last - 1);
                last = first;
                written++;
            }
        }
        for (int index = 0; index < count; index++) {
            int kind = from.u1();
            boolean one = kind >= 64 && kind < 128 || kind == 247;
            old += 1 + (kind < 64 ? kind : kind < 128 ? kind - 64 : from.u2());
            int now = moves.target(old);
            if (now == first) {
                // It is there already, and what follows goes on from it.
                throw new Unfit();
            }
            int delta = now - last - 1;
            last = now;
            written++;
            if (kind < 64) {
                all.u1(251).u2(delta);
            } else if (one) {
                all.u1(247).u2(delta);
            } else {
                all.u1(kind).u2(delta);
            }
            int types = one ? 1 : kind >= 252 && kind < 255 ? kind - 251 : 0;
            types(from, all, types);
            if (kind == 255) {
                types(from, all, all.u2(from));
                types(from, all, all.u2(from));
            }
        }
        to.u2(written);
        to.add(all);
        return to;
    }

    private void types(Bytes from, Bytes to, int count) throws Unfit {
        for (int index = 0; index < count; index++) {
            int tag = from.u1();
            to.u1(tag);
            if (tag == 7) {
                to.copy(from, 2);
            } else if (tag == 8) {
                to.u2(moves.place(from.u2()));
            } else if (tag > 8) {
                throw new Unfit();
            }
        }
    }
}
