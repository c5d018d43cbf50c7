//! Link flags of the native engines, each only with its feature.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_POCKETSPHINX").is_some() {
        println!("cargo:rustc-link-lib=pocketsphinx");
        println!("cargo:rustc-link-lib=sphinxbase");
    }
    if std::env::var_os("CARGO_FEATURE_FLITE").is_some() {
        for library in ["flite_cmu_us_rms", "flite_cmu_us_slt", "flite_usenglish", "flite_cmulex", "flite"] {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}
