/* SPDX-License-Identifier: MIT
 * The owned_semaphore, as at the head of src/sync/owned_semaphore.cpp and under the names of its steps.
 *
 * N users take one of S permits each and give it back, ROUNDS times. Every slot is a group of its own, so that its bit
 * is set and taken away as often as can be. Anybody may die before any step, and asleep, up to K of them. The kernel
 * wakes one of those who watch a dead token; a sleeper watches all owners that it saw.
 *
 * N=3 S=1 ROUNDS=1 K=0
 * TIMED=0      1: whoever waits may give up
 * BACKSTOP=0   1: a sleeper looks again when nobody else can do anything
 * BROKEN       a rule to break, see below
 *
 * In the end nobody may be asleep: that is what "stuck" means.
 */
#ifndef N
#define N 3
#endif
#ifndef S
#define S 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef K
#define K 0
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef BACKSTOP
#define BACKSTOP 0
#endif

#define release_wakes_one 1         /* J4 */
#define release_wakes_nobody 2      /* J4 */
#define sleeper_looks_first 3       /* before H4: M1 */
#define mark_goes_anyway 4          /* J5: M2 */
#define slot_is_taken_unlooked 5    /* H1 without comparing */
#ifndef BROKEN
#define BROKEN 0
#endif

mtype = { one_owner, all_there };
#define claim(name, holds)              \
    if                                  \
    :: (holds)                          \
    :: else ->                          \
        printf("broken: %e\n", name);   \
        assert(false)                   \
    fi
#define has(set, who) (((set) >> (who)) & 1)
#define add(set, who) set = set | (1 << (who))
#define take_out(set, who) set = set & ~(1 << (who))

byte slot[S];        /* owner: who + 1 */
bool bit_of[S];
byte fresh;          /* who still sees the count that it knows; so there is no number that could come round */
bool marked;         /* W */
byte asleep;
byte watched[N];     /* a set of users */
byte dead, gone_for_good;
byte budget = K;

#define alive(who) (!has(dead, who))
#define may_die (budget > 0)
#define mortal if :: may_die -> budget--; goto died :: true fi

inline any_of(set, one) {
    if
    :: has(set, 0) -> one = 0
    :: has(set, 1) -> one = 1
    :: has(set, 2) -> one = 2
    :: has(set, 3) -> one = 3
    :: set == 0 -> one = N
    fi
}
inline wake(most) {
    atomic {
        woken = 0;
        do
        :: woken < most && asleep != 0 -> any_of(asleep, one); take_out(asleep, one); woken++
        :: else -> break
        od;
        one = 0
    }
}
inline pass_on(who) {
    atomic {
        one = 0;
        do
        :: one < N ->
            if
            :: has(asleep, one) && has(watched[one], who) -> take_out(asleep, one)
            :: else
            fi;
            one++
        :: else -> break
        od;
        one = 0
    }
}

/* J2 to J5, of `most` - 1 permits, in slot x. */
inline announce(x, most) {
    if
    :: !bit_of[x] -> mortal; bit_of[x] = true       /* J2 */
    :: else
    fi;
    mortal;
    if
    :: marked ->
        fresh = 1 << me;                            /* J3 */
        mortal;
        if
        :: BROKEN == release_wakes_nobody -> woken = 1
        :: else -> wake(most)                       /* J4 */
        fi;
        if
        :: woken == 0 ->
            mortal;
            atomic {                                /* J5 */
                if
                :: has(fresh, me) || BROKEN == mark_goes_anyway -> marked = false
                :: else
                fi
            }
        :: else
        fi
    :: else
    fi
}

inline try_take(x) {
    atomic {
        if
        :: !got && (slot[x] == 0 || BROKEN == slot_is_taken_unlooked) ->
            claim(one_owner, slot[x] == 0 || !alive(slot[x] - 1));
            slot[x] = me + 1; got = true; which = x /* H1 */
        :: else
        fi
    }
}

/* By the groups' bits. */
inline find() {
    x = 0;
    do
    :: x == S || got -> break
    :: x < S && !got ->
        mortal;
        if
        :: bit_of[x] ->
            try_take(x);
            if
            :: !got ->
                mortal;
                bit_of[x] = false;                  /* H2 */
                mortal;
                try_take(x);
                if
                :: got -> mortal; bit_of[x] = true  /* H3 */
                :: else
                fi
            :: else
            fi
        :: else
        fi;
        x++
    od
}

inline sweep_the_dead() {
    who = 0; swept = false;
    do
    :: who == N -> break
    :: who < N && (alive(who) || has(gone_for_good, who)) -> who++
    :: who < N && !alive(who) && !has(gone_for_good, who) ->
        mortal;
        pass_on(who);                               /* S1 */
        x = 0;
        do
        :: x == S -> break
        :: x < S ->
            mortal;
            atomic {                                /* S2 */
                freed = false;
                if
                :: slot[x] == who + 1 -> slot[x] = 0; freed = true
                :: slot[x] == 0 -> freed = true
                :: else
                fi
            }
            if
            :: freed -> mortal; announce(x, 3)
            :: else
            fi;
            x++
        od;
        /* Nothing found: a wake may have been swallowed. */
        mortal;
        if
        :: marked -> fresh = 0; wake(2)
        :: else
        fi;
        atomic { add(gone_for_good, who); swept = true }  /* S5 */
        who++
    od
}

inline bury() {
    atomic {
        add(dead, me);
        take_out(asleep, me);
        woken = 0; one = 0;
        do
        :: one < N ->
            if
            :: has(asleep, one) && has(watched[one], me) -> add(woken, one)
            :: else
            fi;
            one++
        :: else -> break
        od;
        any_of(woken, one);
        if
        :: one < N -> take_out(asleep, one)
        :: else
        fi;
        woken = 0; one = 0
    }
}

proctype user(byte me) {
    byte round, one, woken, x, which, who, owners;
    bool got, swept, freed, slept, saw_free;
again:
    got = false; slept = false;
    do
    :: true ->
        find();
        if
        :: got -> break
        :: else
        fi;
        sweep_the_dead();
        if
        :: swept -> goto once_more
        :: else
        fi;
        if
        :: TIMED == 1 ->
            mortal;
            if
            :: slept -> wake(1)                     /* H6 */
            :: else
            fi;
            goto gone
        :: true
        fi;
        mortal;
        if
        :: BROKEN != sleeper_looks_first -> atomic { fresh = 1 << me; marked = true }  /* H4 */
        :: else
        fi;
        owners = 0; saw_free = false; x = 0;
        do
        :: x == S -> break
        :: x < S ->
            mortal;
            if
            :: slot[x] == 0 -> saw_free = true; break
            :: else -> atomic { if :: slot[x] != 0 -> add(owners, slot[x] - 1) :: else -> saw_free = true fi }
            fi;
            x++
        od;
        if
        :: BROKEN == sleeper_looks_first -> mortal; atomic { fresh = 1 << me; marked = true }
        :: else
        fi;
        if
        :: saw_free -> mortal; if :: x < S -> try_take(x) :: else fi;  /* through the hint */
            if
            :: got -> break
            :: else
            fi
        :: else ->
            mortal;
            atomic {                                /* H5 */
                if
                :: has(fresh, me) && marked && (owners & dead) == 0 ->
                    add(asleep, me); watched[me] = owners; slept = true
                :: else
                fi
            }
            if
            :: atomic { !has(asleep, me) -> skip }
            :: atomic { timeout && BACKSTOP == 1 -> take_out(asleep, me) }
            :: atomic { may_die && has(asleep, me) -> budget--; goto died }
            fi;
            mortal;
            who = 0;
            do                                      /* P6 */
            :: who == N -> break
            :: who < N && has(owners & dead, who) -> pass_on(who); who++
            :: else -> who++
            od
        fi;
once_more:
        skip
    od;
    mortal;
    claim(one_owner, slot[which] == me + 1);
    mortal;
    slot[which] = 0;                                /* J1 */
    mortal;
    announce(which, (BROKEN == release_wakes_one -> 1 : 2));
    round++;
    if
    :: round < ROUNDS -> goto again
    :: else -> goto gone
    fi;
died:
    bury();
gone:
    skip
}

init {
    byte who = 0;
    atomic {
        do
        :: who < S -> bit_of[who] = true; who++
        :: else -> break
        od;
        who = 0;
        do
        :: who < N -> run user(who); who++
        :: else -> break
        od
    }
    /* All have ended, or died: whatever is missing belongs to the dead. */
    (_nr_pr == 1) ->
        who = 0;
        do
        :: who < S -> claim(all_there, slot[who] == 0 || has(dead, slot[who] - 1)); who++
        :: else -> break
        od
}
