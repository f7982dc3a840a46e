//! Remarks put together: those of the same party, of which the later count, and those of several.

use crate::trace::segment::remarks::Key;
use crate::trace::segment::remarks::MAX_ANNOTATIONS;
use crate::trace::segment::remarks::MAX_EXCEPTIONS;
use crate::trace::segment::remarks::Refused;
use crate::trace::segment::remarks::Remarks;
use crate::trace::segment::remarks::fits;
use crate::trace::segment::remarks::pair;
use crate::trace::segment::remarks::weight;

impl Remarks {
    /// Takes in what is said since, which counts where both say something. Exceptions are added.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room for all of it; nothing has changed then.
    pub fn amend(&mut self, newer: Self) -> Result<(), Refused> {
        self.size = self.room_for(&newer)?;
        let Self { annotations, metadata, user, exceptions, flags, working_directory, size: _ } =
            newer;
        for (key, value) in annotations {
            match self.annotations.iter_mut().find(|(other, _)| *other == key) {
                Some(before) => *before = (key, value),
                None => self.annotations.push((key, value)),
            }
        }
        for (namespace, of) in metadata {
            self.metadata.entry(namespace).or_default().extend(of);
        }
        self.exceptions.extend(exceptions);
        self.user = user.or(self.user.take());
        self.working_directory = working_directory.or(self.working_directory.take());
        self.flag(flags);
        Ok(())
    }

    /// How many bytes of JSON this would be with what is said since.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is no room for all of it.
    pub fn room_for(&self, newer: &Self) -> Result<usize, Refused> {
        if self.annotations.len() + self.new_annotations(newer) > MAX_ANNOTATIONS {
            return Err(Refused::Annotations);
        }
        if self.exceptions.len() + newer.exceptions.len() > MAX_EXCEPTIONS {
            return Err(Refused::Exceptions);
        }
        let annotations = self.annotations.iter().filter(|(key, _)| newer.annotates(key));
        let mut replaced: usize = annotations.map(|(key, value)| key.0.len() + weight(value)).sum();
        for (namespace, of) in &newer.metadata {
            let Some(ours) = self.metadata.get(namespace) else { continue };
            let both = of.keys().filter_map(|key| Some(pair(key, ours.get(key)?.len())));
            replaced += pair(namespace, 2) + both.sum::<usize>();
        }
        if let (Some(was), Some(_)) = (&self.user, &newer.user) {
            replaced += was.len();
        }
        if let (Some(was), Some(_)) = (&self.working_directory, &newer.working_directory) {
            replaced += weight(was);
        }
        fits(self.size + newer.size - replaced)
    }

    /// How many annotations there would be more with what is said since.
    #[must_use]
    pub fn new_annotations(&self, newer: &Self) -> usize {
        newer.annotations.iter().filter(|(key, _)| !self.annotates(key)).count()
    }

    fn annotates(&self, key: &Key) -> bool {
        self.annotations.iter().any(|(other, _)| other == key)
    }

    /// Takes in what others have said, where nothing is said yet. Returns how much of it there was
    /// no room for.
    pub fn absorb(&mut self, other: Self) -> usize {
        let Self { annotations, metadata, user, exceptions, flags, working_directory, size: _ } =
            other;
        let mut refused = 0;
        for (key, value) in annotations {
            let known = self.annotations.iter().any(|(other, _)| *other == key);
            refused += usize::from(!known && self.annotate(key, value).is_err());
        }
        for (namespace, of) in metadata {
            for (key, json) in of {
                let known = self.metadata.get(&namespace).is_some_and(|of| of.contains_key(&key));
                refused += usize::from(!known && self.describe_by(&namespace, &key, json).is_err());
            }
        }
        for exception in exceptions {
            refused += usize::from(self.throw(exception).is_err());
        }
        if let Some(user) = user.filter(|_| self.user.is_none()) {
            self.set_user(&user);
        }
        if let Some(directory) = working_directory.filter(|_| self.working_directory.is_none()) {
            refused += usize::from(self.started_in(&directory).is_err());
        }
        self.flag(flags);
        refused
    }
}
