"""The worlds a policy is tried in: what a business sells, how its ads differ, how late and how noisy the truth is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flywheel_assets.core.errors import ConfigurationError

# What differs between ads, in the order of every array of latents: the first two and the last as
# logarithms, the chances to pass a stage as log-odds.
LATENTS = ("ctr", "lead", "stage_1", "stage_2", "stage_3", "value")
STAGES = ("lead", "qualified", "proposal", "won")


@dataclass(frozen=True)
class Scenario:
    """One kind of world. Money is in major units, medians are over ads.

    Attributes:
        says: one line for the person who chooses.
        held_out: never tuned on; its lags, response and correlations differ from the others'.
        ads_at_start, arrivals: ads of the first hour, and ads that join later, evenly spread.
        daily_total: the plan, the same for every policy in every hour.
        ctr, lead_rate, stage_chances, deal_value: medians.
        spreads: standard deviation of each of `LATENTS` between ads.
        correlations: of pairs of `LATENTS`, those that are not 0.
        tail_freedom: degrees of freedom of the t distribution of latents; None is the normal one.
        dna_share: part of the latents' variance that the creative DNA explains.
        base_cpm: cost of 1,000 impressions at hardly any budget.
        cpm_rise, cpm_power: at x times the fair share, the cost is base × (1 + rise × x^power).
        cpm_spread: of the logarithm of the base between ads.
        audience: people that an ad's targeting holds, for the count of those it reached.
        tiring_days, tiring_spread: days at the fair share until half of the CTR is gone.
        lead_hours: mean from click to lead, exponential.
        stage_hours, stage_spread: medians of the log-normal time in each stage before it is left.
        slow_share, slow_factor: part of the moves that take so many times longer.
        told_share: lost deals that somebody marks as lost; the others stay where they were.
        amount_spread: of the logarithm of a deal's amount within its ad.
        wrong_ad, no_ad: deals attributed to another ad, and to none.
        swing, weekend, noise: relative swing of delivery over the day, of leads over the week, and
            the standard deviation of the logarithm of an hour's spend.
    """

    name: str
    says: str
    held_out: bool = False
    ads_at_start: int = 20
    arrivals: int = 8
    daily_total: float = 2_500.0
    ctr: float = 0.01
    lead_rate: float = 0.04
    stage_chances: tuple[float, float, float] = (0.3, 0.3, 0.4)
    deal_value: float = 1_600.0
    spreads: tuple[float, ...] = (0.4, 0.7, 0.22, 0.22, 0.22, 0.25)
    correlations: tuple[tuple[str, str, float], ...] = (("ctr", "lead", -0.3),)
    tail_freedom: float | None = None
    dna_share: float = 0.3
    base_cpm: float = 12.0
    cpm_rise: float = 0.045
    cpm_power: float = 1.0
    cpm_spread: float = 0.15
    audience: int = 50_000
    tiring_days: float = 180.0
    tiring_spread: float = 0.5
    lead_hours: float = 6.0
    stage_hours: tuple[float, float, float] = (24.0, 48.0, 60.0)
    stage_spread: float = 0.6
    slow_share: float = 0.0
    slow_factor: float = 1.0
    told_share: float = 0.5
    amount_spread: float = 0.8
    wrong_ad: float = 0.1
    no_ad: float = 0.05
    swing: float = 0.45
    weekend: float = 0.15
    noise: float = 0.1

    @property
    def ads(self) -> int:
        """Of the whole run."""
        return self.ads_at_start + self.arrivals

    @property
    def fair_share(self) -> float:
        """Daily budget of an ad if all had the same."""
        return self.daily_total / self.ads

    @property
    def win_chances(self) -> tuple[float, ...]:
        """Of a deal in each of `STAGES`, as the CRM's settings would say: the medians."""
        first, second, third = self.stage_chances
        return (first * second * third, second * third, third, 1.0)


_SERVICE = Scenario("service", "A local service: leads in hours, revenue in 5 to 7 days.")

SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for one in (
        _SERVICE,
        replace(
            _SERVICE,
            name="misleading_clicks",
            says="What is clicked most leads to nothing: CTR and lead rate pull apart.",
            spreads=(0.5, 0.7, 0.25, 0.25, 0.25, 0.25),
            correlations=(("ctr", "lead", -0.8),),
        ),
        replace(
            _SERVICE,
            name="junk_leads",
            says="Cheap leads are junk: the higher the lead rate, the fewer become customers.",
            spreads=(0.3, 0.55, 0.6, 0.6, 0.4, 0.4),
            correlations=(("lead", "stage_1", -0.6), ("lead", "stage_2", -0.5), ("stage_1", "stage_2", 0.3)),
        ),
        replace(
            _SERVICE,
            name="small",
            says="300 a day over 8 ads: a lead in an hour or two, a customer in a day.",
            ads_at_start=5,
            arrivals=3,
            daily_total=300.0,
        ),
        replace(
            _SERVICE,
            name="large",
            says="20,000 a day over 60 ads, where leads are rarer and dearer.",
            ads_at_start=40,
            arrivals=20,
            daily_total=20_000.0,
            lead_rate=0.02,
            deal_value=4_000.0,
            base_cpm=16.0,
            cpm_rise=0.03,
            audience=200_000,
            tiring_days=300.0,
        ),
        replace(
            _SERVICE,
            name="fast_burn",
            says="A small audience: half of an ad's CTR is gone after 80 days at the fair share.",
            audience=15_000,
            tiring_days=80.0,
            ads_at_start=16,
            arrivals=16,
        ),
        replace(
            _SERVICE,
            name="slow_deals",
            says="Deals take three times as long, and nobody knows how long.",
            stage_hours=(72.0, 144.0, 180.0),
            stage_spread=1.0,
        ),
        replace(
            _SERVICE,
            name="heavy_tails",
            says="Held out: a few ads and a few customers are worth most, some deals take weeks, budgets saturate early.",
            held_out=True,
            tail_freedom=4.0,
            correlations=(("ctr", "lead", -0.2), ("lead", "value", -0.4), ("stage_1", "stage_3", 0.4)),
            amount_spread=1.2,
            stage_spread=0.9,
            slow_share=0.2,
            slow_factor=4.0,
            cpm_rise=0.03,
            cpm_power=1.5,
            wrong_ad=0.2,
        ),
        replace(
            _SERVICE,
            name="flat_response",
            says="Held out: money hardly gets dearer, ads are alike, clicks are honest, sales are quick.",
            held_out=True,
            spreads=(0.3, 0.3, 0.3, 0.3, 0.2, 0.2),
            correlations=(("ctr", "lead", 0.3), ("lead", "stage_1", 0.3)),
            cpm_rise=0.01,
            tiring_days=120.0,
            lead_hours=2.0,
            stage_hours=(6.0, 12.0, 30.0),
            stage_spread=0.4,
            told_share=0.9,
        ),
    )
}


def scenario_named(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in SCENARIOS:
        raise ConfigurationError(f"scenario {name!r} is not known; choose from {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
