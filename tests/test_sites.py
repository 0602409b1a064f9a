"""The order of the sites in a block agrees with what they are made of."""

from xtransplant.sites import NORMED, SITES, module_sites, site_order, summands


def test_every_site_has_a_place_of_its_own_in_the_order():
    assert sorted(map(site_order, SITES)) == list(range(len(SITES)))
    assert min(SITES, key=site_order) == "resid_pre"
    assert max(SITES, key=site_order) == "resid_post"


def test_what_a_site_is_made_of_is_computed_before_it():
    for site in SITES:
        assert all(site_order(part) <= site_order(site) for part in summands(site))
    for raw, normed in NORMED.items():
        assert site_order(raw) < site_order(normed)


def test_a_site_that_is_a_sum_is_no_module_s():
    assert set(SITES) - set(module_sites(SITES)) == {"resid_mid"}
    assert summands("resid_mid") == ("resid_pre", "attn")
    assert all(summands(part) == (part,) for part in summands("resid_mid"))
