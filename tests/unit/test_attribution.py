from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.revenue.identity import hash_fingerprint, hash_ip
from flywheel_assets.revenue.matching import CRM_GRAIN, LOOK_BACK, Click, Credit, Lead, attribute

DEAL_AT = datetime(2026, 2, 1, 12, tzinfo=UTC)
ADS = frozenset({"101", "102", "103"})
PEPPER = "a pepper of our own"


def click(name: str, ad_id: str, hours: float, **identity: str) -> Click:
    return Click(name, ad_id, DEAL_AT - timedelta(hours=hours), **identity)


def lead(**known: str) -> Lead:
    return Lead(7, DEAL_AT, **known)


def best(found: Lead, *clicks: Click, identity: bool = True) -> Credit:
    return attribute(found, clicks, ADS, identity=identity)[0]


def unattributed(credits_: tuple[Credit, ...]) -> float:
    return sum(credit.weight for credit in credits_ if credit.ad_id is None)


# --- layer 0 ---------------------------------------------------------------------------------------


def test_the_click_id_beats_the_ad_id_and_the_ad_id_the_fbclid() -> None:
    clicks = [click("k1", "101", 5), click("k2", "103", 3, fbclid="IwAR2")]
    whole = best(lead(click_id="k1", ad_id="102", fbclid="IwAR2"), *clicks, identity=False)
    assert (whole.ad_id, whole.click_id, whole.method, whole.weight) == ("101", "k1", "url", 1.0)
    assert best(lead(ad_id="102", fbclid="IwAR2"), *clicks).ad_id == "102"
    assert best(lead(fbclid="IwAR2"), *clicks).ad_id == "103"


def test_an_fbclid_is_case_sensitive_and_its_latest_click_counts() -> None:
    clicks = [
        click("k1", "101", 5, fbclid="IwAr"),
        click("k2", "102", 4, fbclid="iwar"),
        click("k3", "103", 9, fbclid="IwAr"),
    ]
    assert best(lead(fbclid="IwAr"), *clicks).ad_id == "101"


def test_an_ad_that_is_not_ours_is_nobodys_and_says_so() -> None:
    for found in (lead(ad_id="999"), lead(click_id="k1")):
        credit = best(found, click("k1", "999", 1))
        assert (credit.ad_id, credit.method, credit.weight) == (None, "unattributed", 1.0)
        assert "999" in credit.reason


def test_a_click_after_the_deal_weighs_nothing() -> None:
    later = click("k1", "101", -0.001, fbclid="IwAR", fingerprint_hmac="f", ip_hmac="i")
    found = lead(click_id="k1", fbclid="IwAR", fingerprint_hmac="f", ip_hmac="i")
    assert attribute(found, [later], ADS, identity=True)[0].ad_id is None
    assert best(lead(click_id="k1", ad_id="102"), later).ad_id == "102"


def test_a_click_in_the_millisecond_the_crm_names_was_before_the_deal() -> None:
    within = Click("k1", "101", DEAL_AT + timedelta(microseconds=999))
    after = Click("k1", "101", DEAL_AT + timedelta(milliseconds=1))
    assert best(lead(click_id="k1"), within).ad_id == "101"
    assert best(lead(click_id="k1"), after).ad_id is None


# --- identity --------------------------------------------------------------------------------------


def test_without_consent_identity_is_not_looked_at() -> None:
    credit = best(lead(fingerprint_hmac="f"), click("k1", "101", 1, fingerprint_hmac="f"), identity=False)
    assert credit.ad_id is None
    assert "off" in credit.reason


def test_a_deal_with_nothing_to_match_is_unattributed() -> None:
    assert best(lead(), click("k1", "101", 1, fingerprint_hmac="f")).reason.endswith("nothing to match a visitor by")


def test_a_rare_fingerprint_and_address_name_the_ad() -> None:
    strangers = [click(f"s{n}", "102", n, fingerprint_hmac=f"f{n}", ip_hmac=f"i{n}") for n in range(1, 50)]
    credit = best(
        lead(fingerprint_hmac="f", ip_hmac="i"), click("k1", "101", 30, fingerprint_hmac="f", ip_hmac="i"), *strangers
    )
    assert (credit.ad_id, credit.click_id, credit.method) == ("101", "k1", "fingerprint")
    assert credit.weight > 0.95
    assert credit.layers["ip"]["match"] == "agrees"


def test_an_address_alone_is_the_ip_method_and_is_less_sure() -> None:
    credit = best(lead(ip_hmac="i"), click("k1", "101", 30, ip_hmac="i"), click("s", "102", 10, ip_hmac="j"))
    assert (credit.ad_id, credit.method) == ("101", "ip")
    assert credit.weight < 0.9


def test_two_hundred_clicks_behind_one_address_prove_next_to_nothing() -> None:
    clicks = [click(f"k{n}", "101" if n % 2 else "102", 1.6 * n, ip_hmac="nat") for n in range(200)]
    credits_ = attribute(lead(ip_hmac="nat"), clicks, ADS, identity=True)
    shares = {credit.ad_id: credit.weight for credit in credits_}
    assert shares["101"] == pytest.approx(shares["102"], rel=0.05)
    assert max(shares.values()) < 0.5


def test_a_deal_that_agrees_with_no_click_is_unattributed_with_all_its_weight() -> None:
    clicks = [click(f"k{n}", "101", n, fingerprint_hmac=f"f{n}", ip_hmac=f"i{n}") for n in range(1, 100)]
    assert unattributed(attribute(lead(fingerprint_hmac="x", ip_hmac="y"), clicks, ADS, identity=True)) == 1.0


def test_of_two_equal_candidates_the_later_click_gets_more_by_its_age_alone() -> None:
    pair = [click("k1", "101", 72, fingerprint_hmac="f"), click("k2", "102", 0, fingerprint_hmac="f")]
    shares = {credit.ad_id: credit.weight for credit in attribute(lead(fingerprint_hmac="f"), pair, ADS, identity=True)}
    assert shares["102"] == pytest.approx(2 * shares["101"])


def test_the_look_back_ends_after_fourteen_days() -> None:
    edge = LOOK_BACK.total_seconds() / 3600
    inside, outside = (click("k", "101", hours, fingerprint_hmac="f") for hours in (edge, edge + 0.001))
    assert attribute(lead(fingerprint_hmac="f"), [inside], ADS, identity=True) != attribute(
        lead(fingerprint_hmac="f"), [], ADS, identity=True
    )
    assert unattributed(attribute(lead(fingerprint_hmac="f"), [outside], ADS, identity=True)) == 1.0


hashes = st.sampled_from(["a", "b", None])
some_clicks = st.lists(
    st.builds(
        Click,
        click_id=st.uuids().map(str),
        ad_id=st.sampled_from([*sorted(ADS), "999"]),
        clicked_at=st.floats(-50, 500).map(lambda hours: DEAL_AT - timedelta(hours=hours)),
        fingerprint_hmac=hashes,
        ip_hmac=hashes,
    ),
    max_size=25,
)


@given(clicks=some_clicks, fingerprint=hashes, ip=hashes, data=st.data())
def test_weights_sum_to_one_and_neither_order_nor_later_clicks_matter(
    clicks: list[Click], fingerprint: str | None, ip: str | None, data: st.DataObject
) -> None:
    found = Lead(7, DEAL_AT, fingerprint_hmac=fingerprint, ip_hmac=ip)
    decided = attribute(found, clicks, ADS, identity=True)
    assert sum(credit.weight for credit in decided) == pytest.approx(1, abs=1e-12)
    assert all(0 <= credit.weight <= 1 for credit in decided)
    assert {credit.ad_id for credit in decided} <= ADS | {None}
    assert [credit.weight for credit in decided] == sorted((credit.weight for credit in decided), reverse=True)
    later = [one for one in clicks if one.clicked_at >= DEAL_AT + CRM_GRAIN]
    replayed = data.draw(st.permutations([one for one in clicks if one not in later]))
    assert attribute(found, replayed, ADS, identity=True) == decided


# --- hashes ----------------------------------------------------------------------------------------


def test_hosts_of_one_network_share_a_hash_and_networks_do_not() -> None:
    assert hash_ip(PEPPER, "act_1", "203.0.113.7") == hash_ip(PEPPER, "act_1", "203.0.113.250")
    assert hash_ip(PEPPER, "act_1", "203.0.113.7") == hash_ip(PEPPER, "act_1", "::ffff:203.0.113.9")
    assert hash_ip(PEPPER, "act_1", "203.0.113.7") != hash_ip(PEPPER, "act_1", "203.0.114.7")
    assert hash_ip(PEPPER, "act_1", "2001:db8:1:2::3") == hash_ip(PEPPER, "act_1", "2001:db8:1:ffff::9")
    assert hash_ip(PEPPER, "act_1", "2001:db8:1::1") != hash_ip(PEPPER, "act_1", "2001:db8:2::1")
    assert hash_ip(PEPPER, "act_1", "fe80::1%eth0") == hash_ip(PEPPER, "act_1", "fe80::2")


def test_hashes_depend_on_pepper_account_and_kind() -> None:
    value = "203.0.113.0/24"
    assert len({
        hash_ip(PEPPER, "act_1", "203.0.113.7"),
        hash_ip(PEPPER, "act_2", "203.0.113.7"),
        hash_ip(PEPPER + "!", "act_1", "203.0.113.7"),
        hash_fingerprint(PEPPER, "act_1", value),
    }) == 4  # fmt: skip


def test_a_message_about_a_bad_address_does_not_repeat_it() -> None:
    with pytest.raises(ValueError, match="not an IP address") as caught:
        hash_ip(PEPPER, "act_1", "anna@example.com")
    assert "anna" not in str(caught.value)


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="FLYWHEEL_IDENTITY_PEPPER"):
        hash_fingerprint("short", "act_1", "x")
