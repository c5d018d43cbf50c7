//! The wire of audio: packets, jitter buffer, sequencing, telephone-event digits. It never decodes.
