-- When an event was last of use to later ones: a thread's opener, as long as its thread is used.
ALTER TABLE events ADD COLUMN used INTEGER;
