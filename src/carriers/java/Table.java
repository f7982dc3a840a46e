package sideray;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What is known of objects that have no room of their own: by identity, and forgotten with them. No
 * method of theirs is called.
 */
final class Table<V> {
    /** More are not kept: what is left out belongs to nobody. */
    private static final int MOST = 1 << 18;

    private final ConcurrentHashMap<Object, V> map = new ConcurrentHashMap<Object, V>();
    private final ReferenceQueue<Object> gone = new ReferenceQueue<Object>();

    V get(Object one) {
        return map.isEmpty() ? null : map.get(new Probe(one));
    }

    V remove(Object one) {
        return map.isEmpty() ? null : map.remove(new Probe(one));
    }

    /** The value that is there, or null if this one now is. */
    V putIfAbsent(Object one, V value) {
        purge();
        if (map.size() >= MOST) {
            return null;
        }
        return map.putIfAbsent(new Key(one, gone), value);
    }

    private void purge() {
        for (Reference<?> key = gone.poll(); key != null; key = gone.poll()) {
            map.remove(key);
        }
    }

    private static final class Key extends WeakReference<Object> {
        private final int hash;

        Key(Object one, ReferenceQueue<Object> queue) {
            super(one, queue);
            hash = System.identityHashCode(one);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            if (this == other) {
                return true;
            }
            Object one = get();
            return one != null && other instanceof Key && ((Key) other).get() == one;
        }
    }

    /** Looks a key up. */
    private static final class Probe {
        private final Object one;

        Probe(Object one) {
            this.one = one;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(one);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key && ((Key) other).get() == one;
        }
    }
}
