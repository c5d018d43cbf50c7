//! Currencies that callers name, and what they are called in both languages.

use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    Eur,
    /// United States dollar.
    Usd,
    /// Pound sterling.
    Gbp,
    /// Renminbi.
    Cny,
    /// Yen.
    Jpy,
    /// Swiss franc.
    Chf,
    /// Australian dollar.
    Aud,
    /// Canadian dollar.
    Cad,
    /// Hong Kong dollar.
    Hkd,
}

impl Currency {
    /// All of them.
    pub const ALL: [Currency; 9] = [
        Currency::Eur,
        Currency::Usd,
        Currency::Gbp,
        Currency::Cny,
        Currency::Jpy,
        Currency::Chf,
        Currency::Aud,
        Currency::Cad,
        Currency::Hkd,
    ];

    /// Its ISO 4217 code, such as `EUR`.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Eur => "EUR",
            Currency::Usd => "USD",
            Currency::Gbp => "GBP",
            Currency::Cny => "CNY",
            Currency::Jpy => "JPY",
            Currency::Chf => "CHF",
            Currency::Aud => "AUD",
            Currency::Cad => "CAD",
            Currency::Hkd => "HKD",
        }
    }

    /// The currency of a code; capital letters.
    pub fn parse(code: &str) -> Option<Currency> {
        Currency::ALL.into_iter().find(|c| c.code() == code)
    }

    /// What it is called in English: one, many, and its hundredths.
    pub fn english(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Currency::Eur => ("euro", "euros", "cents"),
            Currency::Usd | Currency::Aud | Currency::Cad | Currency::Hkd => ("dollar", "dollars", "cents"),
            Currency::Gbp => ("pound", "pounds", "pence"),
            Currency::Cny => ("yuan", "yuan", "fen"),
            Currency::Jpy => ("yen", "yen", "sen"),
            Currency::Chf => ("franc", "francs", "centimes"),
        }
    }

    /// What it is called in Chinese.
    pub fn chinese(self) -> &'static str {
        match self {
            Currency::Eur => "欧元",
            Currency::Usd => "美元",
            Currency::Gbp => "英镑",
            Currency::Cny => "元",
            Currency::Jpy => "日元",
            Currency::Chf => "法郎",
            Currency::Aud => "澳元",
            Currency::Cad => "加元",
            Currency::Hkd => "港元",
        }
    }

    fn is_dollar(self) -> bool {
        matches!(self, Currency::Usd | Currency::Aud | Currency::Cad | Currency::Hkd)
    }
}

/// The currency that begins here, with how many tokens it takes. `usual` is the one that is meant by a bare "dollar" or 块
/// where it can be.
pub(super) fn currency(tokens: &[String], at: usize, usual: Option<Currency>) -> Option<(Currency, usize)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let dollars = |n: usize| matches!(token(n), "dollar" | "dollars");
    let found = match token(0) {
        "euro" | "euros" | "eur" => (Currency::Eur, 1),
        "dollar" | "dollars" | "buck" | "bucks" => (usual.filter(|c| c.is_dollar()).unwrap_or(Currency::Usd), 1),
        "us" | "american" if dollars(1) => (Currency::Usd, 2),
        "canadian" if dollars(1) => (Currency::Cad, 2),
        "australian" if dollars(1) => (Currency::Aud, 2),
        "hong" if token(1) == "kong" && dollars(2) => (Currency::Hkd, 3),
        "usd" => (Currency::Usd, 1),
        "pound" | "pounds" => (Currency::Gbp, if token(1) == "sterling" { 2 } else { 1 }),
        "gbp" | "quid" | "sterling" => (Currency::Gbp, 1),
        "yuan" | "rmb" | "renminbi" | "kuai" | "cny" => (Currency::Cny, 1),
        "yen" | "jpy" => (Currency::Jpy, 1),
        "chf" => (Currency::Chf, 1),
        "swiss" if matches!(token(1), "franc" | "francs") => (Currency::Chf, 2),
        "franc" | "francs" => (Currency::Chf, 1),
        "aud" => (Currency::Aud, 1),
        "cad" => (Currency::Cad, 1),
        "hkd" => (Currency::Hkd, 1),
        _ => return chinese(&token, usual),
    };
    Some(found)
}

fn chinese<'t>(token: &impl Fn(usize) -> &'t str, usual: Option<Currency>) -> Option<(Currency, usize)> {
    Some(match (token(0), token(1)) {
        // Both are said of any money.
        ("块" | "塊", "钱" | "錢") => (usual.unwrap_or(Currency::Cny), 2),
        ("块" | "塊" | "元" | "圆", _) => (usual.unwrap_or(Currency::Cny), 1),
        ("人", "民") if matches!(token(2), "币" | "幣") => (Currency::Cny, 3),
        ("欧" | "歐", "元") => (Currency::Eur, 2),
        ("欧" | "歐", next) if next != "分" => (Currency::Eur, 1),
        ("美", "元" | "金" | "刀") => (Currency::Usd, 2),
        ("英", "镑" | "鎊") => (Currency::Gbp, 2),
        ("镑" | "鎊", _) => (Currency::Gbp, 1),
        ("日", "元" | "圆") => (Currency::Jpy, 2),
        ("法", "郎") => (Currency::Chf, 2),
        ("瑞", "郎") => (Currency::Chf, 2),
        ("瑞", "士") if token(2) == "法" && token(3) == "郎" => (Currency::Chf, 4),
        ("澳", "元") => (Currency::Aud, 2),
        ("加", "元") => (Currency::Cad, 2),
        ("港", "元" | "币" | "幣") => (Currency::Hkd, 2),
        _ => return None,
    })
}
