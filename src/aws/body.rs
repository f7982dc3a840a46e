//! Readers of bodies, of which only a prefix may be there.
