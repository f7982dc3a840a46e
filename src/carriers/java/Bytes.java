package sideray;

/** Bytes that are read from a place on, or written at the end. */
final class Bytes {
    private byte[] data;
    private int at;
    private int end;

    /** To be read. */
    Bytes(byte[] data) {
        this.data = data;
        this.end = data.length;
    }

    /** To be written. */
    Bytes() {
        this.data = new byte[1024];
    }

    int place() {
        return at;
    }

    int size() {
        return end;
    }

    int left() {
        return end - at;
    }

    Bytes at(int place) {
        at = place;
        return this;
    }

    int u1() throws Unfit {
        if (at >= end) {
            throw new Unfit();
        }
        return data[at++] & 0xff;
    }

    int u2() throws Unfit {
        return u1() << 8 | u1();
    }

    int u4() throws Unfit {
        return u2() << 16 | u2();
    }

    Bytes slice(int length) throws Unfit {
        if (length < 0 || length > left()) {
            throw new Unfit();
        }
        byte[] part = new byte[length];
        System.arraycopy(data, at, part, 0, length);
        at += length;
        return new Bytes(part);
    }

    private void room(int more) {
        if (end + more > data.length) {
            byte[] larger = new byte[Math.max(data.length * 2, end + more)];
            System.arraycopy(data, 0, larger, 0, end);
            data = larger;
        }
    }

    Bytes u1(int value) {
        room(1);
        data[end++] = (byte) value;
        return this;
    }

    Bytes u2(int value) {
        return u1(value >> 8).u1(value);
    }

    Bytes u4(int value) {
        return u2(value >> 16).u2(value);
    }

    /** Copies two bytes, and tells them. */
    int u2(Bytes in) throws Unfit {
        int value = in.u2();
        u2(value);
        return value;
    }

    void copy(Bytes in, int length) throws Unfit {
        if (length < 0 || length > in.left()) {
            throw new Unfit();
        }
        room(length);
        System.arraycopy(in.data, in.at, data, end, length);
        in.at += length;
        end += length;
    }

    void add(byte[] more) {
        room(more.length);
        System.arraycopy(more, 0, data, end, more.length);
        end += more.length;
    }

    void add(Bytes more) {
        add(more.toArray());
    }

    byte[] toArray() {
        byte[] all = new byte[end];
        System.arraycopy(data, 0, all, 0, end);
        return all;
    }
}
