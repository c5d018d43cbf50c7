//! Amounts as callers say them.

use super::*;

fn said(text: &str) -> String {
    money(text, None).map_or("-".into(), |m| m.to_string())
}

#[test]
fn amounts_in_english() {
    for (text, expected) in [
        ("twelve euros fifty", "12.50 EUR"),
        ("twelve euros and fifty cents", "12.50 EUR"),
        ("twelve fifty", "12.50"),
        ("nineteen ninety nine", "19.99"),
        ("twenty three oh five", "23.05"),
        ("twelve fifty euros please", "12.50 EUR"),
        ("twenty euros", "20.00 EUR"),
        ("it's about twenty euros", "20.00 EUR"),
        ("a hundred and five dollars and 20 cents", "105.20 USD"),
        ("one hundred and five dollars twenty", "105.20 USD"),
        ("two hundred pounds", "200.00 GBP"),
        ("fifty p", "0.50 GBP"),
        ("ninety nine cents", "0.99"),
        ("twelve point five euros", "12.50 EUR"),
        ("twelve point oh five", "12.05"),
        ("twelve point zero five", "12.05"),
        ("three point five oh dollars", "3.50 USD"),
        ("£12.50", "12.50 GBP"),
        ("€ 1,250.75", "1250.75 EUR"),
        ("12.50 €", "12.50 EUR"),
        ("12,50 euros", "12.50 EUR"),
        ("$5", "5.00 USD"),
        ("EUR 12.50", "12.50 EUR"),
        ("12.50 EUR", "12.50 EUR"),
        ("two thousand three hundred euros", "2300.00 EUR"),
        ("twelve hundred dollars", "1200.00 USD"),
        ("five grand", "5000.00"),
        ("hundred euros", "100.00 EUR"),
        ("a euro", "1.00 EUR"),
        ("a dollar fifty", "1.50 USD"),
        ("four pounds fifty", "4.50 GBP"),
        ("twelve and a half euros", "12.50 EUR"),
        ("twelve euros and a half", "12.50 EUR"),
        ("five euros and five cents", "5.05 EUR"),
        ("five euros oh five", "5.05 EUR"),
        ("twenty quid", "20.00 GBP"),
        ("ten bucks", "10.00 USD"),
        ("fifty canadian dollars", "50.00 CAD"),
        ("twenty five", "25.00"),
        ("um twenty please", "20.00"),
        ("I would like to pay thirty euros", "30.00 EUR"),
        ("twenty euros no thirty euros", "30.00 EUR"),
        ("twenty sorry I mean thirty", "30.00"),
        ("one thousand swiss francs", "1000.00 CHF"),
        ("zero", "0.00"),
        ("12 50", "12.50"),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
}

#[test]
fn amounts_in_chinese() {
    for (text, expected) in [
        ("十二块五", "12.50 CNY"),
        ("十二块五毛", "12.50 CNY"),
        ("十二块零五分", "12.05 CNY"),
        ("十块零五毛", "10.50 CNY"),
        ("三块二毛五", "3.25 CNY"),
        ("三块二五", "3.25 CNY"),
        ("三块两毛五分钱", "3.25 CNY"),
        ("十二块半", "12.50 CNY"),
        ("三百二十元", "320.00 CNY"),
        ("三百二十元整", "320.00 CNY"),
        ("一万二", "12000.00"),
        ("一万两千块钱", "12000.00 CNY"),
        ("两块", "2.00 CNY"),
        ("五毛", "0.50"),
        ("五毛钱", "0.50"),
        ("五分钱", "0.05"),
        ("十二点五元", "12.50 CNY"),
        ("十二点零五元", "12.05 CNY"),
        ("二十欧元", "20.00 EUR"),
        ("十二欧五十", "12.50 EUR"),
        ("十二欧元五十欧分", "12.50 EUR"),
        ("一百美金", "100.00 USD"),
        ("五十英镑", "50.00 GBP"),
        ("人民币十二元", "12.00 CNY"),
        ("大概三百块左右", "300.00 CNY"),
        ("我要付两百五十块", "250.00 CNY"),
        ("两百五", "250.00"),
        ("12块5", "12.50 CNY"),
        ("12.5元", "12.50 CNY"),
        ("¥12.50", "12.50 CNY"),
        ("3万元", "30000.00 CNY"),
        ("两千零五块", "2005.00 CNY"),
        ("二十块不对三十块", "30.00 CNY"),
        ("一百港币", "100.00 HKD"),
        ("一共二十块", "20.00 CNY"),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
    assert_eq!(money("十二块五", Some(Currency::Eur)).map(|m| m.to_string()), Some("12.50 EUR".into()));
    assert_eq!(money("十二美元", Some(Currency::Eur)).map(|m| m.to_string()), Some("12.00 USD".into()));
    assert_eq!(money("ten dollars", Some(Currency::Cad)).map(|m| m.to_string()), Some("10.00 CAD".into()));
    assert_eq!(money("ten", Some(Currency::Eur)).map(|m| m.to_string()), Some("10.00 EUR".into()));
}

#[test]
fn no_amount_or_two_or_an_absurd_one() {
    for text in [
        "",
        "um",
        "I do not know",
        "two fifty",
        "two fifty euros",
        "one twenty five",
        "minus five euros",
        "-5 euros",
        "twenty or thirty euros",
        "twenty euros or thirty euros",
        "twenty euros or thirty",
        "15-20 euros",
        "you charged me twenty euros twelve days ago",
        "你们扣了我二十块两次",
        "三百块一个月",
        "三百块十二个月",
        "twenty five thirty five forty five",
        "one two three four",
        "twelve euros five",
        "twelve euros and fifty",
        "ten percent",
        "ten per cent",
        "a couple of hundred euros",
        "fifty million euros",
        "99999999999999999999 euros",
        "twelve point five five five euros",
        "three parcels",
        "I have three children",
        "1.250 euros",
        "half past three",
        "tomorrow",
        "where is my parcel",
        "负五块",
        "二三十块",
        "二十或三十块",
        "十多块",
        "三个人",
        "我不知道",
        "一二三四五",
        "三月五号",
        "一亿元",
        "我的包裹在哪里",
        "两千万块",
    ] {
        assert_eq!(said(text), "-", "{text}");
    }
}

#[test]
fn inside_a_sentence_the_currency_is_named() {
    let found = |text: &str| find_money_in(text, Some(Currency::Eur)).map_or("-".into(), |m| m.to_string());
    for (text, expected) in [
        ("I want to pay twenty euros for my three parcels", "20.00 EUR"),
        ("you charged me 12.50 € twice", "12.50 EUR"),
        ("you charged me twenty euros fifty yesterday", "20.50 EUR"),
        ("you charged me twenty euros twelve days ago", "-"),
        ("你们扣了我二十块五了", "20.50 EUR"),
        ("refund me five pounds", "-"),
        ("refund me £5", "5.00 GBP"),
        ("I have three parcels", "-"),
        ("twelve fifty", "-"),
        ("我要退二十块钱", "20.00 EUR"),
        ("我要退三个包裹", "-"),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn keyed_and_canonical() {
    let keyed = |keys: &str| keyed_money(keys, Some(Currency::Eur)).map_or("-".into(), |m| m.to_string());
    assert_eq!((keyed("1250"), keyed("050"), keyed("50")), ("12.50 EUR".into(), "0.50 EUR".into(), "-".into()));
    assert_eq!(keyed("9999999999"), "-");
    for text in ["12.50 EUR", "0.05", "9999999.99 CNY"] {
        assert_eq!(Money::parse(text).map(|m| m.to_string()).as_deref(), Some(text));
    }
    for text in ["12.5", "12", "-1.00", "12.50 XYZ", "12.50 eur", "12.50 ", "99999999.00", ".50", "12.", "+1.00"] {
        assert_eq!(Money::parse(text), None, "{text}");
    }
}
