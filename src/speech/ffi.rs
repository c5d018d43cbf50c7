//! The few C functions that we call, with the prototypes of Debian's headers (libpocketsphinx-dev 0.8+5prealpha,
//! libsphinxbase-dev, flite1-dev 2.2). Nothing here is safe; `decoder` and `flite` make it so.

#[cfg(feature = "pocketsphinx")]
pub(crate) mod sphinx {
    use std::ffi::{c_char, c_int, c_void};

    macro_rules! opaque {
        ($($name:ident),*) => { $(#[repr(C)] pub(crate) struct $name { _private: [u8; 0] })* };
    }
    opaque!(Decoder, CmdLn, ArgDef, Segments, Readings, Transform, FrontEnd);

    /// `cmn_t` (sphinxbase/cmn.h).
    #[repr(C)]
    pub(crate) struct Cmn {
        mean: *mut f32,
        var: *mut f32,
        /// Sum of all vectors, the mean that was set counted 500 times.
        pub(crate) sum: *const f32,
        /// How many vectors that are, those 500 included.
        pub(crate) nframe: i32,
        veclen: i32,
    }

    /// The head of `feat_t` (sphinxbase/feat.h) up to the field that holds the running cepstral mean.
    #[repr(C)]
    pub(crate) struct Feat {
        refcount: c_int,
        name: *mut c_char,
        /// Length of a cepstral vector.
        pub(crate) cepsize: i32,
        n_stream: i32,
        stream_len: *mut u32,
        window_size: i32,
        n_sv: i32,
        sv_len: *mut u32,
        subvecs: *mut *mut i32,
        sv_buf: *mut f32,
        sv_dim: i32,
        cmn: c_int,
        varnorm: i32,
        agc: c_int,
        compute_feat: *mut c_void,
        /// The running mean.
        pub(crate) cmn_struct: *mut Cmn,
    }

    unsafe extern "C" {
        pub(crate) fn err_set_callback(callback: Option<unsafe extern "C" fn()>, user: *mut c_void);
        pub(crate) fn err_set_logfp(stream: *mut c_void);
        pub(crate) fn cmd_ln_parse_r(
            inout: *mut CmdLn,
            defs: *const ArgDef,
            argc: i32,
            argv: *mut *mut c_char,
            strict: i32,
        ) -> *mut CmdLn;
        pub(crate) fn cmd_ln_free_r(config: *mut CmdLn) -> c_int;
        pub(crate) fn cmn_live_set(cmn: *mut Cmn, mean: *const f32);
        pub(crate) fn ps_args() -> *const ArgDef;
        pub(crate) fn ps_init(config: *mut CmdLn) -> *mut Decoder;
        pub(crate) fn ps_free(ps: *mut Decoder) -> c_int;
        pub(crate) fn ps_get_feat(ps: *mut Decoder) -> *mut Feat;
        pub(crate) fn ps_add_word(ps: *mut Decoder, word: *const c_char, phones: *const c_char, update: c_int) -> c_int;
        pub(crate) fn ps_set_jsgf_string(ps: *mut Decoder, name: *const c_char, jsgf: *const c_char) -> c_int;
        pub(crate) fn ps_set_lm_file(ps: *mut Decoder, name: *const c_char, path: *const c_char) -> c_int;
        pub(crate) fn ps_set_kws(ps: *mut Decoder, name: *const c_char, path: *const c_char) -> c_int;
        pub(crate) fn ps_set_search(ps: *mut Decoder, name: *const c_char) -> c_int;
        pub(crate) fn ps_unset_search(ps: *mut Decoder, name: *const c_char) -> c_int;
        pub(crate) fn ps_start_stream(ps: *mut Decoder) -> c_int;
        pub(crate) fn ps_start_utt(ps: *mut Decoder) -> c_int;
        pub(crate) fn ps_process_raw(
            ps: *mut Decoder,
            data: *const i16,
            samples: usize,
            no_search: c_int,
            full_utt: c_int,
        ) -> c_int;
        pub(crate) fn ps_end_utt(ps: *mut Decoder) -> c_int;
        pub(crate) fn ps_mllr_read(file: *const c_char) -> *mut Transform;
        pub(crate) fn ps_update_mllr(ps: *mut Decoder, transform: *mut Transform) -> *mut Transform;
        pub(crate) fn ps_get_fe(ps: *mut Decoder) -> *mut FrontEnd;
        pub(crate) fn fe_start_stream(fe: *mut FrontEnd);
        pub(crate) fn fe_start_utt(fe: *mut FrontEnd) -> c_int;
        pub(crate) fn fe_process_frames(
            fe: *mut FrontEnd,
            samples: *mut *const i16,
            count: *mut usize,
            cepstra: *mut *mut f32,
            frames: *mut i32,
            first: *mut i32,
        ) -> c_int;
        pub(crate) fn fe_end_utt(fe: *mut FrontEnd, cepstrum: *mut f32, frames: *mut i32) -> c_int;
        pub(crate) fn ps_get_n_frames(ps: *mut Decoder) -> c_int;
        pub(crate) fn ps_seg_iter(ps: *mut Decoder) -> *mut Segments;
        pub(crate) fn ps_seg_next(seg: *mut Segments) -> *mut Segments;
        pub(crate) fn ps_seg_word(seg: *mut Segments) -> *const c_char;
        pub(crate) fn ps_seg_frames(seg: *mut Segments, start: *mut c_int, end: *mut c_int);
        pub(crate) fn ps_seg_prob(seg: *mut Segments, ascr: *mut i32, lscr: *mut i32, lback: *mut i32) -> i32;
        pub(crate) fn ps_nbest(ps: *mut Decoder) -> *mut Readings;
        pub(crate) fn ps_nbest_next(readings: *mut Readings) -> *mut Readings;
        pub(crate) fn ps_nbest_hyp(readings: *mut Readings, score: *mut i32) -> *const c_char;
        pub(crate) fn ps_nbest_free(readings: *mut Readings);
        pub(crate) fn ps_set_rawdata_size(ps: *mut Decoder, size: i32);
    }
}

#[cfg(feature = "flite")]
pub(crate) mod flite {
    use std::ffi::{c_char, c_int};

    #[repr(C)]
    pub(crate) struct Voice {
        _private: [u8; 0],
    }

    /// `cst_wave` (flite/cst_wave.h).
    #[repr(C)]
    pub(crate) struct Wave {
        kind: *const c_char,
        pub(crate) sample_rate: c_int,
        pub(crate) num_samples: c_int,
        pub(crate) num_channels: c_int,
        pub(crate) samples: *mut i16,
    }

    unsafe extern "C" {
        pub(crate) fn flite_init() -> c_int;
        pub(crate) fn register_cmu_us_rms(dir: *const c_char) -> *mut Voice;
        pub(crate) fn register_cmu_us_slt(dir: *const c_char) -> *mut Voice;
        pub(crate) fn flite_text_to_wave(text: *const c_char, voice: *mut Voice) -> *mut Wave;
        pub(crate) fn delete_wave(wave: *mut Wave);
    }
}
