package sideray;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The constants of a class file, and those that are added. */
final class Pool {
    private static final int UTF8 = 1;
    private static final int CLASS = 7;
    private static final int STRING = 8;
    static final int FIELD = 9;
    static final int METHOD = 10;
    static final int INTERFACE = 11;
    private static final int NAME_AND_TYPE = 12;

    /** Names and types of the class's own fields. */
    final List<String> fields = new ArrayList<String>();

    private final Bytes in;
    private final int[] places;
    private final int from;
    private final int to;
    private final Bytes added = new Bytes();
    private final Map<String, Integer> known = new HashMap<String, Integer>();
    private int count;

    Pool(Bytes file) throws Unfit {
        in = file;
        count = in.u2();
        from = in.place();
        places = new int[count];
        for (int index = 1; index < count; index++) {
            places[index] = in.place();
            int tag = in.u1();
            in.slice(length(tag));
            if (tag == 5 || tag == 6) {
                index++;
            }
        }
        to = in.place();
    }

    private int length(int tag) throws Unfit {
        switch (tag) {
            case UTF8:
                return in.u2();
            case CLASS:
            case STRING:
            case 16:
            case 19:
            case 20:
                return 2;
            case 15:
                return 3;
            case 3:
            case 4:
            case FIELD:
            case METHOD:
            case INTERFACE:
            case NAME_AND_TYPE:
            case 17:
            case 18:
                return 4;
            case 5:
            case 6:
                return 8;
            default:
                throw new Unfit();
        }
    }

    private int[] entry(int index, int numbers) throws Unfit {
        if (index <= 0 || index >= places.length) {
            throw new Unfit();
        }
        int back = in.place();
        in.at(places[index]);
        int[] entry = {in.u1(), in.u2(), numbers > 1 ? in.u2() : 0};
        in.at(back);
        return entry;
    }

    /** A text, of which only plain ASCII is told right. */
    String text(int index) throws Unfit {
        int length = entry(index, 1)[1];
        int back = in.place();
        in.at(places[index]);
        if (in.u1() != UTF8) {
            throw new Unfit();
        }
        in.u2();
        byte[] text = in.slice(length).toArray();
        in.at(back);
        return Head.text(text, 0, length);
    }

    /** What a method's constant names, as owner.name(types)type. */
    String method(int index) throws Unfit {
        int[] entry = entry(index, 2);
        if (entry[0] != METHOD && entry[0] != INTERFACE) {
            throw new Unfit();
        }
        int[] title = entry(entry[2], 2);
        String owner = text(entry(entry[1], 1)[1]);
        return owner + "." + text(title[1]) + text(title[2]);
    }

    private int add(String key, int tag, int first, int second) throws Unfit {
        Integer there = known.get(key);
        if (there != null) {
            return there;
        }
        if (count >= 65000) {
            throw new Unfit();
        }
        added.u1(tag).u2(first);
        if (second >= 0) {
            added.u2(second);
        }
        known.put(key, count);
        return count++;
    }

    @SuppressWarnings("deprecation")
    int utf8(String text) throws Unfit {
        String key = "1" + text;
        if (known.containsKey(key)) {
            return known.get(key);
        }
        int index = add(key, UTF8, text.length(), -1);
        byte[] bytes = new byte[text.length()];
        text.getBytes(0, bytes.length, bytes, 0);
        added.add(bytes);
        return index;
    }

    int string(String text) throws Unfit {
        return add("8" + text, STRING, utf8(text), -1);
    }

    private int type(String name) throws Unfit {
        return add("7" + name, CLASS, utf8(name), -1);
    }

    /** A field or method of a class. */
    int member(int tag, String owner, String name, String type) throws Unfit {
        int title = add("12" + name + type, NAME_AND_TYPE, utf8(name), utf8(type));
        return add(tag + owner + "." + name + type, tag, type(owner), title);
    }

    void write(Bytes out) throws Unfit {
        out.u2(count);
        out.copy(in.at(from), to - from);
        out.add(added);
    }
}
