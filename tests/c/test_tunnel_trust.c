/* Which tunnels are trusted. */
#include "tunnel_trust.h"

#include "support/check.h"

static const struct mt_ip ends[2] = {{{10, 0, 0, 1}, 4}, {{10, 0, 0, 2}, 4}};
static const struct mt_tunnel known = {
    .key = 7, .source = {{10, 0, 0, 2}, 4}, .destination = {{10, 0, 0, 1}, 4}, .count = 1};
static const struct mt_tunnel other = {
    .key = 9, .source = {{10, 0, 0, 3}, 4}, .destination = {{10, 0, 0, 1}, 4}, .count = 1};
static const struct mt_tunnel mpls = {.count = 1};

static void test_ends(void)
{
    struct mt_tunnel_trust trust = {.ends = ends, .ends_count = 2};
    CHECK(mt_tunnel_is_trusted(&trust, &known));
    CHECK(!mt_tunnel_is_trusted(&trust, &other)); /* one end alone proves nothing */
    CHECK(mt_tunnel_is_trusted(&trust, &mpls));
    trust.ends_count = 0;
    CHECK(!mt_tunnel_is_trusted(&trust, &known));
}

static void test_only_tunnel(void)
{
    struct mt_tunnel_trust trust = {0};
    CHECK(!mt_tunnel_trust_note(&trust, 9));
    CHECK(!mt_tunnel_trust_note(&trust, 9));
    CHECK(mt_tunnel_is_trusted(&trust, &other));
    CHECK(!mt_tunnel_is_trusted(&trust, &known));
    CHECK(mt_tunnel_trust_note(&trust, 0)); /* a plain connection: what was believed is not */
    CHECK(!mt_tunnel_is_trusted(&trust, &other));
    CHECK(!mt_tunnel_trust_note(&trust, 9)); /* once */
    CHECK(!mt_tunnel_is_trusted(&trust, &other));
    CHECK(mt_tunnel_is_trusted(&trust, &mpls));
}

/* Nothing is withdrawn where nothing was believed for that reason. */
static void test_nothing_to_withdraw(void)
{
    struct mt_tunnel_trust plain = {0}, trusted = {.ends = ends, .ends_count = 2}, unasked = {0};
    CHECK(!mt_tunnel_trust_note(&plain, 0));
    CHECK(mt_tunnel_is_trusted(&plain, &mpls));
    CHECK(!mt_tunnel_trust_note(&plain, 9));
    CHECK(!mt_tunnel_trust_note(&trusted, 7));
    CHECK(mt_tunnel_is_trusted(&trusted, &known));
    CHECK(!mt_tunnel_trust_note(&trusted, 0));
    CHECK(!mt_tunnel_trust_note(&unasked, 9));
    CHECK(!mt_tunnel_trust_note(&unasked, 0));
}

int main(void)
{
    test_nothing_to_withdraw();
    test_ends();
    test_only_tunnel();
    FINISH("tunnel_trust");
}
