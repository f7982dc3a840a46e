package sideray;

/**
 * The words of an edit as bytecode:
 *
 *     aN iN dup swap c0      load a reference or a number from local N; the instructions; zero
 *     "TEXT                  load a text
 *     .NAME:TYPE =NAME:TYPE  get, put a field of the class
 *     !NAME(…)… ^NAME(…)…    call a method of Hooks, of Outbound
 *     ~OWNER.NAME(…)…        call a method of an object; `*` through an interface, `$` a static one
 *     ?                      skip the rest if that was false
 */
final class Words {
    private static final String HOOKS = "sideray/Hooks";
    private static final String OUTBOUND = "sideray/Outbound";

    private final Pool pool;
    private final String owner;
    private final Bytes out = new Bytes();
    /** Where the jump over the rest begins, or -1. */
    private int jump = -1;

    private Words(Pool pool, String owner) {
        this.pool = pool;
        this.owner = owner;
    }

    /** The words as code, a multiple of four bytes long. */
    static Insertion insertion(Pool pool, String owner, String words) throws Unfit {
        Words self = new Words(pool, owner);
        for (String word : words.split(" ")) {
            self.add(word);
        }
        while (self.out.size() % 4 != 0) {
            self.out.u1(0);
        }
        byte[] code = self.out.toArray();
        if (self.jump >= 0) {
            int over = code.length - self.jump;
            code[self.jump + 1] = (byte) (over >> 8);
            code[self.jump + 2] = (byte) over;
        }
        return new Insertion(code, self.jump >= 0);
    }

    private void add(String word) throws Unfit {
        String rest = word.substring(1);
        switch (word.charAt(0)) {
            case 'a':
                out.u1(25).u1(Integer.parseInt(rest));
                break;
            case 'i':
                out.u1(21).u1(Integer.parseInt(rest));
                break;
            case 'c':
                out.u1(3);
                break;
            case 'd':
                out.u1(89);
                break;
            case 's':
                out.u1(95);
                break;
            case '"':
                out.u1(19).u2(pool.string(rest));
                break;
            case '?':
                jump = out.size();
                out.u1(153).u2(0);
                break;
            case '.':
                field(180, rest);
                break;
            case '=':
                field(181, rest);
                break;
            default:
                call(word.charAt(0), rest);
        }
    }

    private void field(int code, String title) throws Unfit {
        int colon = title.indexOf(':');
        if (!pool.fields.contains(title)) {
            throw new Unfit();
        }
        String name = title.substring(0, colon);
        out.u1(code).u2(pool.member(Pool.FIELD, owner, name, title.substring(colon + 1)));
    }

    private void call(char way, String title) throws Unfit {
        int bracket = title.indexOf('(');
        int dot = title.lastIndexOf('.', bracket);
        String type = title.substring(bracket);
        String name = title.substring(dot + 1, bracket);
        String of = way == '!' ? HOOKS : way == '^' ? OUTBOUND : title.substring(0, dot);
        int tag = way == '*' ? Pool.INTERFACE : Pool.METHOD;
        int code = way == '*' ? 185 : way == '~' ? 182 : 184;
        out.u1(code).u2(pool.member(tag, of, name, type));
        if (way == '*') {
            out.u1(1 + slots(type)).u1(0);
        }
    }

    /** How many slots the parameters take; there are no long ones and no arrays among ours. */
    private static int slots(String type) {
        int count = 0;
        for (int at = 1; type.charAt(at) != ')'; at++) {
            if (type.charAt(at) == 'L') {
                at = type.indexOf(';', at);
            }
            count++;
        }
        return count;
    }
}
