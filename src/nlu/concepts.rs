//! Words that mean nearly the same when people phone a business. A small flow has ten examples per intent; a caller who
//! says "package" where the examples say "parcel" must still be understood, so each group is a feature beside the words.
//! Flows teach everything else: a wrong neighbour in a group costs little, since the words themselves stay features.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The groups that a word belongs to, alone or together with the next word.
pub(crate) fn concepts_of(word: &str, next: Option<&str>) -> impl Iterator<Item = &'static str> {
    let entry = table().get(word);
    let alone = entry.map_or(&[][..], |e| &e.alone).iter().copied();
    let pairs = entry.map_or(&[][..], |e| &e.pairs).iter();
    alone.chain(pairs.filter(move |(second, _)| next == Some(*second)).map(|(_, group)| *group))
}

#[derive(Default)]
struct Entry {
    alone: Vec<&'static str>,
    /// Second words and the group that the pair stands for.
    pairs: Vec<(&'static str, &'static str)>,
}

/// Groups by first word, built once per process.
fn table() -> &'static HashMap<&'static str, Entry> {
    static TABLE: OnceLock<HashMap<&'static str, Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: HashMap<&'static str, Entry> = HashMap::new();
        for (group, members) in GROUPS {
            for member in members.split(", ") {
                match member.split_once(' ') {
                    Some((first, second)) => table.entry(first).or_default().pairs.push((second, group)),
                    None => table.entry(member).or_default().alone.push(group),
                }
            }
        }
        table
    })
}

/// Name and members: inflected forms in full, Chinese words as the segmenter cuts them.
const GROUPS: &[(&str, &str)] = &[
    (
        "parcel",
        "parcel, parcels, package, packages, packet, packets, shipment, shipments, delivery, deliveries, box, consignment, letter, item, items, order, orders, mail, post, goods, stuff, 包裹, 快递, 邮件, 货, 货物, 快件, 订单",
    ),
    (
        "send",
        "send, sends, sending, sent, ship, ships, shipped, shipping, post, posting, posted, mail, mailing, mailed, dispatch, dispatched, 寄, 寄出, 寄送, 寄件, 发货, 发, 邮寄",
    ),
    (
        "bring",
        "deliver, delivers, delivered, delivering, delivery, bring, brings, bringing, brought, drop, dropped, 送, 送到, 派送, 投递, 送货, 送达, 配送",
    ),
    (
        "where",
        "where, whereabouts, location, located, status, track, tracking, tracked, trace, find, locate, 哪里, 哪儿, 在哪, 查, 查询, 查一下, 跟踪, 追踪, 物流",
    ),
    (
        "arrive",
        "arrive, arrives, arrived, arriving, come, comes, coming, came, reach, reached, show up, turn up, get here, got here, eta, here, 到, 到达, 到货, 收到, 来",
    ),
    (
        "late",
        "late, delay, delayed, delays, overdue, waiting, wait, waited, still, yet, slow, behind, 晚, 迟, 延误, 晚点, 等, 还没, 还没有, 慢",
    ),
    (
        "lost",
        "lost, lose, missing, disappeared, vanished, gone, misplaced, stolen, theft, 丢, 丢失, 丢了, 不见了, 不见, 没了, 偷",
    ),
    (
        "broken",
        "broken, broke, break, damaged, damage, smashed, crushed, cracked, dented, torn, ruined, faulty, defective, wet, shattered, bits, pieces, 坏, 坏了, 破, 破损, 损坏, 压坏, 碎",
    ),
    ("wrong", "wrong, incorrect, mistake, mistaken, error, mixed, mix, different, 错, 错误, 错了, 不对, 弄错"),
    (
        "not working",
        "fault, problem, problems, issue, issues, trouble, stopped, fails, failed, failing, failure, crash, crashes, crashed, stuck, 问题, 毛病, 故障, 失败",
    ),
    (
        "cost",
        "cost, costs, price, prices, pricing, fee, fees, charge, charges, rate, rates, expensive, cheap, cheapest, cheaper, quote, tariff, how much, postage, pay, 多少钱, 价格, 费用, 运费, 价钱, 收费, 资费, 贵, 便宜",
    ),
    (
        "money back",
        "refund, refunds, refunded, reimburse, reimbursed, reimbursement, compensation, compensate, money back, repay, 退款, 退钱, 赔偿, 赔, 退费",
    ),
    (
        "return",
        "return, returns, returned, returning, send back, sending back, bring back, give back, take back, exchange, swap, 退货, 退回, 退, 换货, 换",
    ),
    ("pay", "pay, pays, paid, paying, payment, payments, settle, transfer, 付, 付款, 支付, 缴费, 交钱, 付钱"),
    ("bill", "bill, bills, invoice, invoices, statement, receipt, receipts, billed, billing, 账单, 发票, 收据, 帐单"),
    ("card", "card, cards, debit, credit, visa, mastercard, 卡, 信用卡, 银行卡"),
    ("account", "account, accounts, profile, login, log in, sign in, 账户, 账号, 帐号, 登录"),
    ("money", "money, cash, funds, balance, 钱, 现金, 余额"),
    (
        "open hours",
        "open, opens, opened, opening, close, closes, closed, closing, hours, shut, shuts, 营业, 开门, 关门, 上班, 下班, 营业时间, 几点",
    ),
    (
        "time of day",
        "when, time, hour, hours, oclock, morning, afternoon, evening, early, tonight, noon, am, pm, 什么时候, 时间, 几点, 早上, 下午, 晚上, 点钟",
    ),
    (
        "day",
        "today, tomorrow, monday, tuesday, wednesday, thursday, friday, saturday, sunday, weekend, weekends, weekday, weekdays, day, days, holiday, holidays, christmas, easter, 今天, 明天, 后天, 周末, 星期六, 星期天, 星期日, 周日, 周六, 周一, 星期一, 节假日, 假期",
    ),
    (
        "complain",
        "complain, complaint, complaints, complaining, unhappy, dissatisfied, disappointed, disappointing, unacceptable, terrible, awful, horrible, rude, angry, annoyed, furious, upset, disgrace, disgusting, ridiculous, worst, appalling, unprofessional, 投诉, 抱怨, 不满, 不满意, 态度, 差, 太差, 生气, 恶劣, 举报",
    ),
    (
        "change",
        "change, changes, changed, changing, update, updated, updating, modify, amend, alter, edit, correct, switch, move, 改, 修改, 更改, 变更, 更新, 换",
    ),
    (
        "cancel",
        "cancel, cancels, cancelled, canceled, cancelling, canceling, cancellation, abort, stop, withdraw, call off, end, terminate, 取消, 撤销, 终止, 不要了",
    ),
    (
        "later",
        "reschedule, rearrange, postpone, another day, different day, other day, later, redeliver, redelivery, re schedule, again, 改期, 改天, 推迟, 另外, 重新, 再送",
    ),
    (
        "address",
        "address, addresses, street, postcode, zip, house, flat, apartment, moved, moving, live, home, 地址, 住址, 搬家, 街道, 邮编",
    ),
    (
        "pick up",
        "pick up, picked up, pick, pickup, collect, collects, collected, collecting, collection, fetch, pick it, 取, 取件, 自取, 领取, 领, 上门, 提货, 揽件",
    ),
    (
        "branch",
        "branch, branches, shop, shops, store, stores, office, depot, outlet, location, locations, counter, point, locker, near, nearest, nearby, closest, 门店, 网点, 店, 营业厅, 最近, 附近, 驿站",
    ),
    (
        "how long",
        "how long, how soon, how quickly, how fast, how many, long, takes, take, duration, days, 多久, 几天, 多长时间, 多长",
    ),
    (
        "abroad",
        "abroad, international, internationally, overseas, foreign, country, countries, europe, export, worldwide, germany, france, spain, america, states, china, canada, 国外, 国际, 海外, 外国, 出国, 国家",
    ),
    ("customs", "customs, duty, duties, import, tax, taxes, clearance, 海关, 清关, 关税, 税"),
    (
        "size",
        "size, weight, weigh, weighs, heavy, heavier, kilos, kilo, kilograms, pounds, big, bigger, large, largest, dimensions, maximum, limit, limits, 重量, 重, 尺寸, 大小, 公斤, 多重, 多大, 超重",
    ),
    (
        "quick",
        "express, urgent, urgently, fast, faster, fastest, quick, quicker, priority, overnight, hurry, asap, same day, next day, 加急, 快, 快点, 特快, 紧急, 急",
    ),
    ("insure", "insure, insured, insurance, cover, covered, coverage, valuable, value, worth, 保险, 保价, 贵重"),
    ("claim", "claim, claims, compensation, 理赔, 索赔, 赔偿"),
    ("receipt proof", "signature, signed, sign, proof, signing, 签收, 签名, 签字"),
    ("neighbour", "neighbour, neighbor, neighbours, neighbors, next door, safe place, porch, door, 邻居, 门口"),
    (
        "courier",
        "driver, drivers, courier, couriers, postman, van, delivery man, delivery guy, mailman, 快递员, 司机, 送货员, 小哥",
    ),
    ("thanks bye", "thanks, thank, bye, goodbye, cheers, 谢谢, 再见, 拜拜"),
    ("number", "number, numbers, code, reference, id, 号码, 单号, 编号, 运单号, 号"),
    ("pin", "pin, password, passcode, passwords, 密码"),
    ("phone", "phone, telephone, mobile, cell, cellphone, call, 电话, 手机"),
    ("mail address", "email, e mail, 邮箱"),
    (
        "book",
        "book, booking, booked, reserve, reservation, reservations, appointment, appointments, schedule, arrange, make an, slot, 预约, 预订, 预定, 订, 挂号",
    ),
    ("buy", "buy, buying, bought, purchase, purchased, purchases, order, ordering, ordered, get, 买, 购买, 下单, 订购"),
    (
        "job",
        "job, jobs, work, hiring, hire, vacancy, vacancies, career, careers, employ, employment, apply, position, recruit, 招聘, 工作, 应聘, 招人",
    ),
    ("business", "business, company, corporate, commercial, contract, trade, firm, 公司, 企业, 商业, 合同"),
    (
        "discount",
        "discount, discounts, voucher, vouchers, coupon, coupons, promotion, promo, deal, deals, offer, offers, sale, 优惠, 折扣, 打折, 优惠券",
    ),
    ("stock", "stock, available, availability, in stock, sell, have got, 有货, 库存, 缺货"),
    ("repair", "repair, repairs, repaired, fix, fixed, fixing, mend, technician, engineer, 维修, 修, 修理"),
    (
        "contents",
        "contain, contents, content, inside, allowed, forbidden, prohibited, permitted, dangerous, restricted, batteries, battery, liquid, liquids, 违禁, 禁止, 允许, 可以寄, 危险品",
    ),
    ("pack", "pack, packing, packed, packaging, wrap, wrapped, wrapping, tape, boxes, envelope, envelopes, 包装, 打包, 纸箱"),
    ("label", "label, labels, print, printing, printed, printer, sticker, 面单, 标签, 打印"),
    ("activate", "activate, activated, activation, enable, start, 激活, 开通, 启用"),
    ("block", "block, blocked, freeze, frozen, lock, locked, suspend, 冻结, 锁, 挂失"),
    ("help", "help, assist, assistance, support, 帮, 帮忙, 帮助"),
    ("internet", "internet, wifi, broadband, connection, network, online, website, web, site, app, 网, 网络, 上网, 网站, 应用"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_meet() {
        let first = |w: &str, n: Option<&str>| concepts_of(w, n).collect::<Vec<_>>();
        assert!(first("package", None).contains(&"parcel"));
        assert!(first("how", Some("much")).contains(&"cost"));
        assert!(first("包裹", None).contains(&"parcel"));
        assert!(first("how", Some("are")).is_empty());
    }
}
