package sideray;

/** A class file that is left as it is. */
final class Unfit extends Exception {
    private static final long serialVersionUID = 1L;

    Unfit() {
        super(null, null, false, false);
    }
}
