/* The model in plain C: what a compiled language is worth here, and an independent telling of its rules.
 *
 * The belief rule, everything on but imitation and explicit games, no ledger. One struct a tie, one struct an
 * organization, one function a rule, one pass over the ties in each step. Written from the description in
 * docs/model.md, with the order of the arithmetic kept as sim/rules.py has it, so that both give the same bits:
 *
 *     cc -O3 -march=native -ffp-contract=off -shared -fPIC reference.c -o reference.so -lm
 *
 * Contraction into fused multiply-adds is off because it rounds once where the rules round twice.
 * benchmarks/reference.py compiles and calls it; tests/test_reference.py compares it with the engine.
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { COMPETE, COOPERATE, COCREATE };
enum { AWAY, TOWARD, AGAINST };
enum { CALM, UNREPAIRED, BOTH_TOWARD, ANY_AGAINST }; /* how a conflict was met */
enum { CHUNK = 1024 };                               /* ties or organizations summed at a time */

/* The parameters in force, all as double; reference.py fills them in by name. */
#define TERMS(X) \
    X(synergy) X(collective) X(crowding) X(duplication) X(rivalry) X(appropriation) X(investment) X(engagement) \
    X(upkeep) X(lever_cost) X(credit_seeking) X(extraction) X(resource) X(conflict_rate) X(misperception) X(pretense) \
    X(setback) X(turnover) X(outreach) X(convening_reach) X(review) X(can_exit) X(rationality) X(patience) X(vision) \
    X(memory) X(negativity) X(imagined_synergy) X(scarcity_rate) X(disposition_rate) X(alignment_rate) \
    X(connection_rate) X(connection_decay) X(loyalty) X(initial_alignment) X(tension_rise) X(tension_decay) X(repair) \
    X(toward_base) X(toward_best) X(scale_at) X(hope) X(prior_strength) X(listening) X(shared_values) X(start_small) \
    X(turn_toward) X(curiosity) X(celebration) X(accountability) X(structure) X(milestones) X(commitment) \
    X(shared_investment) X(convening) X(connection_steps) X(practice) X(scarcity_shock)

struct terms {
#define DECLARE(name) double name;
    TERMS(DECLARE)
};

const char *term_names(void)
{
#define NAME(name) #name " "
    return TERMS(NAME);
}

struct segment { /* steps first .. last - 1 */
    int64_t first, last;
    struct terms force[2]; /* outside the design, inside */
};

struct population {
    int64_t n_organizations, n_ties, n_sectors;
    const double *log_power, *intention, *disposition, *scarcity;
    const int32_t *sector, *degree;
    const uint8_t *participates;
    const int32_t *i, *j;
    const double *overlap, *complementarity, *value_distance;
    const uint8_t *active, *inside;
};

struct organization {
    double log_power, intention, disposition, scarcity;
    double first_intention, first_disposition, first_scarcity;
    double wealth, late_income;
    double income, trusted, lessons; /* of this step */
    int32_t degree, sector;
    int32_t n_active, n_mutual;                        /* as the step finds them */
    int32_t next_active, next_mutual, n_worked, n_hurt; /* of this step */
    int32_t participates, is_new;
};

struct tie {
    double overlap, complementarity, value_distance, resource, share;
    double beliefs[2][3]; /* of i about j, of j about i */
    double connection, alignment, tension;
    int32_t i, j, tenure;
    int8_t active, inside, mutual, unused;
};

struct sums { /* of one step */
    double active, played, acts[3], mutual, lose_lose_to_win_win[3], trust, connection, alignment, tension;
    double conflict, toward, against, rupture, value, scarcity, disposition;
};

/* --- luck: Philox4x32-10 (Salmon et al. 2011) at the address (seed, step, subject, group) --- */

struct luck { double u[4]; };

static struct luck draw(uint64_t seed, int64_t step, uint64_t subject, uint32_t group)
{
    uint32_t c0 = (uint32_t)subject, c1 = (uint32_t)(subject >> 32), c2 = (uint32_t)step, c3 = group;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const double unit = 1.0 / 4294967296.0;
    return (struct luck){{(c0 + 0.5) * unit, (c1 + 0.5) * unit, (c2 + 0.5) * unit, (c3 + 0.5) * unit}};
}

/* --- small words --- */

static double larger(double x, double y) { return x > y ? x : y; }
static double smaller(double x, double y) { return x < y ? x : y; }
static double clip(double x) { return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }
static double grown(double x, double rate) { return clip(x + rate * (1.0 - x)); }

/* e**x as sim/elementary.py computes it, clipped to [-708, 708]. */
static double exponential(double x)
{
    x = x > 708.0 ? 708.0 : x < -708.0 ? -708.0 : x;
    double k = floor(x * 1.4426950408889634 + 0.5);
    double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    double r2 = r * r, r4 = r2 * r2;
    double low = (0.5 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0));
    double middle = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0));
    double high = (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) + r2 * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0));
    double p = 1.0 + (r + r2 * (low + r4 * (middle + r4 * high)));
    int64_t bits = ((int64_t)k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

static double logistic(double x)
{
    double e = exponential(x > 0.0 ? -x : x);
    return x > 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

/* --- the pair --- */

static double trust_from(const double *beliefs) { return 1.0 - beliefs[0] / (beliefs[0] + beliefs[1] + beliefs[2]); }

static void set_prior(double *beliefs, double disposition, const struct terms *p)
{
    double good = p->prior_strength * disposition;
    beliefs[COMPETE] = p->prior_strength * (1.0 - disposition);
    beliefs[COOPERATE] = good * (1.0 - p->hope);
    beliefs[COCREATE] = good * p->hope;
}

static double value_gap(double distance, const struct terms *p) { return distance * (1.0 - p->shared_values); }

static double fresh_alignment(double distance, const struct terms *p)
{
    return p->initial_alignment * (1.0 - value_gap(distance, p));
}

static double involvement(int mutual, int ties) { return ties > 0 ? (double)mutual / ties : 0.0; }

static double spill_over(const struct tie *tie, const struct organization *i, const struct organization *j,
                         const struct terms *p)
{
    double c_i = involvement(i->n_mutual - tie->mutual, i->degree - 1);
    double c_j = involvement(j->n_mutual - tie->mutual, j->degree - 1);
    return 1.0 + p->collective * (c_i + c_j) / 2.0;
}

static double lost_to_credit(double intention_i, double intention_j, const struct terms *p)
{
    double selfish = 2.0 - larger(0.0, intention_i) - larger(0.0, intention_j);
    return p->credit_seeking * (1.0 - p->celebration) * selfish / 2.0;
}

static double work_scale(double trust_i, double trust_j, const struct terms *p)
{
    return 1.0 - p->start_small * larger(0.0, 1.0 - smaller(trust_i, trust_j) / p->scale_at);
}

static double overhead(int other_active, const struct terms *p)
{
    return p->upkeep + p->lever_cost * p->practice + p->crowding * other_active;
}

/* --- payoffs --- */

static double engagement(int act, const struct terms *p)
{
    return act == COCREATE ? 1.0 : act == COOPERATE ? p->engagement : 0.0;
}

static double invested(int act, int other, const struct terms *p)
{
    double carried = p->investment * p->shared_investment / 2.0;
    if (act == COCREATE)
        return other == COOPERATE ? p->investment - carried : p->investment;
    return act == COOPERATE && other == COCREATE ? carried : 0.0;
}

static double joint_payoff(int act, int other, double share, double silo, double creation, const struct terms *p)
{
    if (act == COMPETE && other == COMPETE)
        return silo + p->appropriation * (2.0 * share - 1.0) - p->rivalry;
    if (act == COMPETE)
        return silo + 2.0 * p->appropriation * share * (1.0 - p->accountability);
    if (other == COMPETE)
        return silo - 2.0 * p->appropriation * (1.0 - share) * (1.0 - p->accountability) - invested(act, other, p);
    return 1.0 + share * creation * engagement(act, p) * engagement(other, p) - invested(act, other, p);
}

static double payoff(int act, int other, double share, double scale, double silo, double creation,
                     const struct terms *p)
{
    return (1.0 - scale) * silo + scale * joint_payoff(act, other, share, silo, creation, p);
}

/* --- choice --- */

struct side { /* one side of a tie in a step, as it sees the pair */
    double trust, share, burden, weight, creation;
    double utility[3];
};

static double surplus_at_risk(const struct side *side, double silo, const struct terms *p)
{
    double worst = joint_payoff(COMPETE, COMPETE, side->share, silo, side->creation, p);
    double best = larger(joint_payoff(COOPERATE, COOPERATE, side->share, silo, side->creation, p),
                         joint_payoff(COCREATE, COCREATE, side->share, silo, side->creation, p));
    if (p->can_exit)
        worst = larger(worst, silo + side->burden);
    return larger(0.0, best - worst);
}

static void weigh(struct side *side, const double *beliefs, double scale, double silo, const struct terms *p)
{
    double per_count = 1.0 / (beliefs[0] + beliefs[1] + beliefs[2]);
    double per_norm = 1.0 / (1.0 + fabs(side->weight));
    double shadow = p->patience / (1.0 - p->patience) * (1.0 + p->commitment);
    for (int act = 0; act < 3; act++) {
        double expected = 0.0;
        for (int other = 0; other < 3; other++) {
            double own = payoff(act, other, side->share, scale, silo, side->creation, p);
            double its = payoff(other, act, 1.0 - side->share, scale, silo, side->creation, p);
            expected += beliefs[other] * per_count * (own + side->weight * its);
        }
        if (act == COMPETE)
            expected -= shadow * side->trust * surplus_at_risk(side, silo, p);
        side->utility[act] = expected * per_norm;
    }
}

static int choose(const double *utility, double u, const struct terms *p)
{
    double top = larger(larger(utility[0], utility[1]), utility[2]);
    double e0 = exponential(p->rationality * (utility[0] - top));
    double e1 = exponential(p->rationality * (utility[1] - top));
    double e2 = exponential(p->rationality * (utility[2] - top));
    double per_total = 1.0 / (e0 + e1 + e2);
    double p0 = e0 * per_total, p1 = e1 * per_total;
    return u < p0 ? COMPETE : u < p0 + p1 ? COOPERATE : COCREATE;
}

static double willing(const struct side *own, const struct side *other, double silo, const struct terms *p)
{
    double best = larger(larger(own->utility[0], own->utility[1]), own->utility[2]);
    double apart = (silo + own->burden + own->weight * (silo + other->burden)) / (1.0 + fabs(own->weight));
    return logistic(p->rationality * (best - apart));
}

/* --- conflict and learning --- */

static int response(double trust, double bond, double u, const struct terms *p)
{
    double safe = trust + (1.0 - trust) * bond;
    double toward = p->toward_base + (p->toward_best - p->toward_base) * larger(p->turn_toward, bond) * safe;
    double against = (1.0 - toward) * (1.0 - safe) * (1.0 - p->turn_toward);
    return u < toward ? TOWARD : u > 1.0 - against ? AGAINST : AWAY;
}

static int meet_conflict(struct tie *tie, const struct side *i, const struct side *j, const double *heat,
                         const struct terms *p)
{
    int by_i = response(i->trust, tie->connection, heat[0], p);
    int by_j = response(j->trust, tie->connection, heat[1], p);
    double once = 1.0 - p->tension_rise;
    if (by_i == TOWARD && by_j == TOWARD) {
        tie->tension *= 1.0 - p->repair;
        tie->alignment = grown(tie->alignment, p->alignment_rate);
        tie->connection = grown(tie->connection, p->connection_rate);
        tie->beliefs[0][COOPERATE] += 1.0;
        tie->beliefs[1][COOPERATE] += 1.0;
        return BOTH_TOWARD;
    }
    if (by_i != AGAINST && by_j != AGAINST) {
        tie->tension = 1.0 - (1.0 - tie->tension) * once;
        return UNREPAIRED;
    }
    tie->tension = 1.0 - (1.0 - tie->tension) * (once * once);
    tie->connection *= 1.0 - p->connection_rate;
    if (by_i == AGAINST)
        tie->beliefs[1][COMPETE] += p->negativity;
    if (by_j == AGAINST)
        tie->beliefs[0][COMPETE] += p->negativity;
    return ANY_AGAINST;
}

static int as_read(int act, int reader_act, int is_misread, int is_pretended)
{
    if (act == COMPETE || is_misread)
        return COMPETE;
    if (act == COOPERATE && is_pretended)
        return reader_act == COCREATE ? COMPETE : COCREATE;
    return act;
}

/* Reads the partner's act, learns from it, and tells whether it hurts. */
static int learn(struct tie *tie, int reader, int own, int act, double misread_u, double pretend_u,
                 const struct terms *p)
{
    double misread = p->misperception * (1.0 - p->listening) * (1.0 - tie->connection);
    double pretense = p->pretense * (1.0 - p->turn_toward);
    double breach = 1.0 + (p->negativity - 1.0) * (1.0 - tie->connection) * (1.0 - p->celebration / 2.0);
    int read = as_read(act, own, misread_u < misread, pretend_u < pretense);
    double *beliefs = tie->beliefs[reader];
    for (int k = 0; k < 3; k++)
        beliefs[k] *= p->memory;
    beliefs[read] += read == COMPETE ? breach : 1.0;
    return own != COMPETE && read == COMPETE;
}

static void align(struct tie *tie, int act_i, int act_j, int is_setback, const struct terms *p)
{
    if (act_i == COMPETE || act_j == COMPETE) {
        tie->alignment *= 1.0 - p->alignment_rate / 2.0;
        return;
    }
    double together = sqrt(engagement(act_i, p) * engagement(act_j, p));
    tie->alignment = grown(tie->alignment, p->alignment_rate * together * (1.0 + p->listening));
    if (is_setback)
        tie->alignment *= 1.0 - p->alignment_rate * (1.0 - p->celebration);
}

/* --- one step of a tie --- */

struct world {
    struct organization *organizations;
    struct tie *ties;
    int64_t n_organizations, n_ties, n_sectors, *peers, *first_peer, *ended;
    uint64_t seed;
};

static void forget(struct tie *tie, const struct organization *i, const struct organization *j, const struct terms *p)
{
    tie->connection = 0.0;
    set_prior(tie->beliefs[0], i->disposition, p);
    set_prior(tie->beliefs[1], j->disposition, p);
}

static void look(struct tie *tie, struct side *i, struct side *j, const struct organization *first,
                 const struct organization *second, double silo, double spill, double lost, double *scale,
                 const struct terms *p)
{
    i->trust = trust_from(tie->beliefs[0]);
    j->trust = trust_from(tie->beliefs[1]);
    *scale = work_scale(i->trust, j->trust, p);
    double today = tie->alignment * (1.0 - tie->tension);
    double vision = p->vision + (1.0 - p->vision) * p->milestones;
    double foreseen = today + vision * (1.0 - today);
    i->weight = first->intention + p->loyalty * tie->connection * (1.0 - first->intention);
    j->weight = second->intention + p->loyalty * tie->connection * (1.0 - second->intention);
    i->creation = p->imagined_synergy * (1.0 - first->scarcity) * spill * tie->resource * (1.0 - lost)
                  * tie->complementarity * foreseen;
    j->creation = p->imagined_synergy * (1.0 - second->scarcity) * spill * tie->resource * (1.0 - lost)
                  * tie->complementarity * foreseen;
    weigh(i, tie->beliefs[0], *scale, silo, p);
    weigh(j, tie->beliefs[1], *scale, silo, p);
}

static void step_of_tie(struct world *w, struct tie *tie, int64_t step, const struct terms *force, struct sums *sum)
{
    struct organization *first = &w->organizations[tie->i], *second = &w->organizations[tie->j];
    const struct terms *p = &force[tie->inside];
    uint64_t subject = (uint64_t)tie->i * w->n_organizations + tie->j;
    if (first->is_new || second->is_new)
        forget(tie, first, second, p);
    struct luck u = draw(w->seed, step, subject, 0); /* conflict, setback, review, consider */
    double silo = 1.0 - p->duplication * tie->overlap;
    double spill = spill_over(tie, first, second, p);
    double lost = lost_to_credit(first->intention, second->intention, p);
    double cost_i = overhead(first->n_active - tie->active, p), cost_j = overhead(second->n_active - tie->active, p);
    double convening = p->lever_cost * p->convening, scale = 1.0;
    struct side i = {.share = tie->share, .burden = cost_i - convening};
    struct side j = {.share = 1.0 - tie->share, .burden = cost_j - convening};
    tie->mutual = 0;

    if (!tie->active) {
        double payoff_apart = silo - convening;
        first->income += payoff_apart;
        second->income += payoff_apart;
        sum->value += payoff_apart + payoff_apart;
        double chance = clip(p->outreach * (1.0 + p->convening_reach * p->convening * tie->complementarity));
        if (u.u[3] < chance) {
            look(tie, &i, &j, first, second, silo, spill, lost, &scale, p);
            double wants = willing(&i, &j, silo, p) * willing(&j, &i, silo, p);
            if (draw(w->seed, step, subject, 1).u[2] < wants) {
                tie->active = 1;
                tie->tenure = 0;
                tie->alignment = larger(tie->alignment, fresh_alignment(tie->value_distance, p));
                first->next_active++;
                second->next_active++;
            }
        }
        return;
    }

    look(tie, &i, &j, first, second, silo, spill, lost, &scale, p);
    double payoff_i = silo - cost_i, payoff_j = silo - cost_j;
    tie->tenure++;
    if (tie->tenure <= p->connection_steps) {
        tie->connection = grown(tie->connection, p->connection_rate * (1.0 + p->listening));
        tie->alignment = grown(tie->alignment, p->alignment_rate / 2.0 * (1.0 + p->listening));
    } else {
        double distance = value_gap(tie->value_distance, p);
        double chance = clip(p->conflict_rate * distance * (1.0 + tie->tension)
                             * (1.0 + fabs(2.0 * tie->share - 1.0)));
        int met = u.u[0] < chance ? meet_conflict(tie, &i, &j, draw(w->seed, step, subject, 3).u, p) : CALM;
        sum->conflict += met != CALM;
        sum->toward += met == BOTH_TOWARD;
        sum->against += met == ANY_AGAINST;
        if (met != BOTH_TOWARD) {
            struct luck choice = draw(w->seed, step, subject, 1), noise = draw(w->seed, step, subject, 2);
            int act_i = choose(i.utility, choice.u[0], p), act_j = choose(j.utility, choice.u[1], p);
            int is_setback = act_i != COMPETE && act_j != COMPETE && u.u[1] < p->setback;
            double creation = 0.0;
            if (!is_setback)
                creation = p->synergy * spill * tie->resource * (1.0 - lost) * tie->complementarity
                           * (tie->alignment * (1.0 - tie->tension));
            payoff_i = payoff(act_i, act_j, i.share, scale, silo, creation, p) - cost_i;
            payoff_j = payoff(act_j, act_i, j.share, scale, silo, creation, p) - cost_j;
            tie->mutual = act_i == COCREATE && act_j == COCREATE;
            first->n_hurt += learn(tie, 0, act_i, act_j, noise.u[0], noise.u[3], p);
            second->n_hurt += learn(tie, 1, act_j, act_i, noise.u[1], noise.u[2], p);
            align(tie, act_i, act_j, is_setback, p);
            tie->tension *= p->tension_decay;
            if (tie->mutual) {
                double lesson = is_setback ? 1.0 : 1.0 - smaller(1.0, p->synergy / p->imagined_synergy);
                tie->connection = grown(tie->connection, p->connection_rate * (1.0 + p->celebration) / 4.0);
                first->next_mutual++;
                second->next_mutual++;
                first->lessons += lesson;
                second->lessons += lesson;
            }
            sum->played += 1.0;
            sum->acts[act_i] += 1.0;
            sum->acts[act_j] += 1.0;
            sum->mutual += tie->mutual;
            sum->lose_lose_to_win_win[(payoff_i > silo) + (payoff_j > silo)] += 1.0;
        }
        tie->connection *= p->connection_decay;
    }
    if (u.u[2] < p->review * (1.0 - tie->connection) * (1.0 - p->commitment)) {
        double wants = willing(&i, &j, silo, p) * willing(&j, &i, silo, p);
        if (draw(w->seed, step, subject, 1).u[3] < 1.0 - wants) {
            tie->active = 0;
            sum->rupture += 1.0;
            w->ended[tie->tenure]++;
        }
    }
    first->income += payoff_i;
    second->income += payoff_j;
    first->next_active += tie->active;
    second->next_active += tie->active;
    first->n_worked++;
    second->n_worked++;
    first->trusted += i.trust;
    second->trusted += j.trust;
    sum->active += 1.0;
    sum->trust += i.trust + j.trust;
    sum->connection += tie->connection;
    sum->alignment += tie->alignment;
    sum->tension += tie->tension;
    sum->value += payoff_i + payoff_j;
}

/* --- organizations --- */

static void renew(struct world *w, struct organization *own, int64_t k, int64_t step, const struct terms *p)
{
    struct luck u = draw(w->seed, step, (uint64_t)k, 4); /* leader, survive, donor */
    own->is_new = u.u[0] < p->turnover && !(u.u[1] < p->structure);
    if (own->is_new) {
        int64_t first = w->first_peer[own->sector], n_peers = w->first_peer[own->sector + 1] - first;
        int64_t nth = (int64_t)(u.u[2] * n_peers);
        const struct organization *donor = &w->organizations[w->peers[first + (nth < n_peers ? nth : n_peers - 1)]];
        own->intention = donor->first_intention;
        own->disposition = donor->first_disposition;
        own->scarcity = donor->first_scarcity;
    }
    if (p->scarcity_shock > 0.0)
        own->scarcity += p->scarcity_shock * (1.0 - own->scarcity);
    own->income = own->trusted = own->lessons = 0.0;
    own->next_active = own->next_mutual = own->n_worked = own->n_hurt = 0;
}

static void reflect(struct organization *own, int is_late, const struct terms *p)
{
    own->wealth += own->income;
    if (is_late)
        own->late_income += own->income;
    own->n_active = own->next_active;
    own->n_mutual = own->next_mutual;
    if (own->n_worked == 0)
        return;
    double worked = own->n_worked;
    double experience = own->n_mutual > 0 ? own->lessons / own->n_mutual : 0.0;
    double learned = own->scarcity + p->scarcity_rate * (own->n_mutual / worked) * (experience - own->scarcity);
    own->scarcity = clip(learned + p->scarcity_rate * (1.0 - learned) * (own->n_hurt / worked));
    own->disposition = clip(own->disposition + p->disposition_rate * (own->trusted / worked - own->disposition));
}

/* --- a run --- */

static void settle(struct world *w, const struct population *people, const struct terms *force)
{
    for (int64_t k = 0; k < w->n_organizations; k++) {
        w->organizations[k] = (struct organization){
            .log_power = people->log_power[k], .degree = people->degree[k], .sector = people->sector[k],
            .intention = people->intention[k], .first_intention = people->intention[k],
            .disposition = people->disposition[k], .first_disposition = people->disposition[k],
            .scarcity = people->scarcity[k], .first_scarcity = people->scarcity[k],
            .participates = people->participates[k],
        };
    }
    int64_t placed = 0;
    for (int64_t s = 0; s < w->n_sectors; s++) {
        w->first_peer[s] = placed;
        for (int64_t k = 0; k < w->n_organizations; k++)
            if (people->sector[k] == s)
                w->peers[placed++] = k;
    }
    w->first_peer[w->n_sectors] = placed;
    for (int64_t e = 0; e < w->n_ties; e++) {
        struct tie *tie = &w->ties[e];
        struct organization *i = &w->organizations[people->i[e]], *j = &w->organizations[people->j[e]];
        const struct terms *p = &force[people->inside[e]];
        *tie = (struct tie){
            .i = people->i[e], .j = people->j[e], .active = people->active[e], .inside = people->inside[e],
            .overlap = people->overlap[e], .complementarity = people->complementarity[e],
            .value_distance = people->value_distance[e],
        };
        tie->alignment = fresh_alignment(tie->value_distance, p);
        tie->resource = exponential(p->resource / 2.0 * (i->log_power + j->log_power));
        forget(tie, i, j, p);
        i->n_active += tie->active;
        j->n_active += tie->active;
    }
}

static void divide_power(struct world *w, const struct terms *force)
{
    for (int64_t e = 0; e < w->n_ties; e++) {
        struct tie *tie = &w->ties[e];
        const struct terms *p = &force[tie->inside];
        double difference = w->organizations[tie->i].log_power - w->organizations[tie->j].log_power;
        tie->share = logistic(p->extraction * (1.0 - p->curiosity) * difference);
    }
}

static void add(struct sums *total, const struct sums *part)
{
    double *to = (double *)total;
    const double *from = (const double *)part;
    for (size_t k = 0; k < sizeof *total / sizeof *to; k++)
        to[k] += from[k];
}

static void step_of_world(struct world *w, int64_t step, int is_late, const struct terms *force, struct sums *total)
{
    for (int64_t k = 0; k < w->n_organizations; k++)
        renew(w, &w->organizations[k], k, step, &force[w->organizations[k].participates]);
    for (int64_t lo = 0; lo < w->n_ties; lo += CHUNK) {
        struct sums part = {0};
        for (int64_t e = lo; e < w->n_ties && e < lo + CHUNK; e++)
            step_of_tie(w, &w->ties[e], step, force, &part);
        add(total, &part);
    }
    for (int64_t lo = 0; lo < w->n_organizations; lo += CHUNK) {
        struct sums part = {0};
        for (int64_t k = lo; k < w->n_organizations && k < lo + CHUNK; k++) {
            struct organization *own = &w->organizations[k];
            reflect(own, is_late, &force[own->participates]);
            part.scarcity += own->scarcity;
            part.disposition += own->disposition;
        }
        add(total, &part);
    }
}

/* Runs every segment. Sums of each step, spells ended by tenure (steps + 1), and the final state are written to the
 * caller's arrays. Returns 0, or 1 where there was not enough memory. */
int run(const struct population *people, const struct segment *segments, int64_t n_segments, uint64_t seed,
        struct sums *sums, int64_t *ended, struct organization *organizations, struct tie *ties)
{
    int64_t n = people->n_organizations, steps = segments[n_segments - 1].last;
    int64_t late = steps - (steps / 4 > 1 ? steps / 4 : 1);
    struct world w = {.organizations = organizations, .ties = ties, .n_organizations = n, .n_ties = people->n_ties,
                      .n_sectors = people->n_sectors, .ended = ended, .seed = seed};
    w.peers = malloc(n * sizeof *w.peers);
    w.first_peer = malloc((w.n_sectors + 1) * sizeof *w.first_peer);
    if (!w.peers || !w.first_peer) {
        free(w.peers);
        free(w.first_peer);
        return 1;
    }
    settle(&w, people, segments[0].force);
    for (int64_t s = 0; s < n_segments; s++) {
        divide_power(&w, segments[s].force);
        for (int64_t step = segments[s].first; step < segments[s].last; step++)
            step_of_world(&w, step, step >= late, segments[s].force, &sums[step]);
    }
    free(w.peers);
    free(w.first_peer);
    return 0;
}
