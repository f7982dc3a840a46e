package sideray;

/** Code that is put before an instruction. */
final class Insertion {
    final byte[] code;
    /** Its end is jumped to from its middle, with the frame that the method begins with. */
    final boolean framed;
    int at;
    /** What jumps to the instruction jumps over this. */
    boolean skipped;

    Insertion(byte[] code, boolean framed) {
        this.code = code;
        this.framed = framed;
    }
}
