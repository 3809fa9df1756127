/* SPDX-License-Identifier: MIT
 * The byte_channel, as at the head of src/data/byte_channel.cpp and under the names of its steps.
 *
 * S senders send SENDS messages each, R receivers receive RECEIVES each, through a ring of ROOM units; C=1: somebody
 * closes it. The guard is one that never loses a wake, and that the death of its owner frees: mutex.pml is about that.
 * The two conditions are as in condition.pml. Anybody may die before any step, and asleep, up to K of them.
 *
 * S=2 SENDS=1    senders, and how many messages each
 * R=2 RECEIVES=1 receivers, the same
 * C=0            1: one more closes the channel
 * ROOM=1         units in the ring
 * START=0        messages of one unit that are in it at the beginning
 * LARGE=0        so many of the senders send two units, the others one
 * TIMED=0        how many of those who wait may give up
 * K=0            how many may die
 * SPARED=0       1: nobody dies in a step that is listed as needing the backstop
 * BACKSTOP=0     1: a sleeper looks again when nobody else can do anything
 * BROKEN         a rule to break, see below
 *
 * In the end nobody may be asleep beside a message, or room, or a closed channel: that is what "stuck" means.
 */
#ifndef S
#define S 2
#endif
#ifndef SENDS
#define SENDS 1
#endif
#ifndef R
#define R 2
#endif
#ifndef RECEIVES
#define RECEIVES 1
#endif
#ifndef C
#define C 0
#endif
#ifndef ROOM
#define ROOM 1
#endif
#ifndef START
#define START 0
#endif
#ifndef LARGE
#define LARGE 0
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef K
#define K 0
#endif
#ifndef SPARED
#define SPARED 0
#endif
#ifndef BACKSTOP
#define BACKSTOP 0
#endif

#define commits_early 1
#define one_description 2
#define receiver_copies_late 3
#define waiter_prepares_late 4
#define sender_notifies_nobody 5
#define sender_wakes_one 6
#define receiver_notifies_nobody 7
#define receiver_wakes_two 8
#define close_tells_receivers_only 9
#ifndef BROKEN
#define BROKEN 0
#endif

#define PEOPLE (S + R + C)
#define has(set, who) ((set >> (who)) & 1)
#define add(set, who) set = set | (1 << (who))
#define take_out(set, who) set = set & ~(1 << (who))

mtype = { whole, order };
#define claim(name, holds)              \
    if                                  \
    :: (holds)                          \
    :: else ->                          \
        printf("broken: %e\n", name);   \
        assert(false)                   \
    fi

byte budget = K;
byte patience = TIMED;
byte owner;     /* of the guard: who + 1 */

bit turns;
byte head[2];   /* of each description */
byte tail[2];
bool shut[2];
byte ring[ROOM];  /* in a message's first unit: its number * 4 + its units; in others: foreign */
#define foreign 255

/* The conditions: receivers sleep on `filled`, senders on `emptied`. */
#define filled 0
#define emptied 1
byte count[2];
bool marked[2];
byte asleep[2];

/* What is so, whoever wrote it down. Changes with the one store that commits. */
byte sent;
byte taken;
byte used;
bool closed;

#define may_die (budget > 0)
/* First in the atomic sequence of a step: not even this one was done. In one that is listed: risky. */
#define mortal if :: may_die -> budget--; goto died :: true fi
#define risky if :: may_die && SPARED == 0 -> budget--; goto died :: true fi

/* CH1, and a look at the description that counts. */
inline lock_and_look() {
    if
    :: atomic { may_die -> budget--; goto died }
    :: atomic {
        owner == 0 ->
        owner = me + 1;
        from = head[turns];
        to = tail[turns];
        end = shut[turns];
        claim(whole, to - from == used && end == closed)
       }
    fi
}
/* CH5. What was read means nothing any more: all states without it are one. */
inline unlock() {
    owner = 0;
    from = 0;
    to = 0;
    end = false
}

/* CH3 */
#define other (BROKEN == one_description || early -> turns : 1 - turns)
inline describe(early) {
    atomic { mortal; head[other] = (from == to -> 0 : from) }
    atomic { mortal; tail[other] = (from == to -> 0 : to) }
    atomic { mortal; shut[other] = end }
}
#define flip() turns = (BROKEN == one_description -> turns : 1 - turns)

/* N1 to N4, of one or all. */
inline notify(condition, most_of_them) {
    atomic {
        risky;
        count[condition]++;
        mine = count[condition];
        if
        :: !marked[condition] -> mine = 0
        :: else
        fi
    }
    if
    :: mine == 0
    :: else ->
        atomic {
            risky;
            woken = 0;
            do
            :: woken < most_of_them && asleep[condition] != 0 ->
                if
                :: has(asleep[condition], 0) -> one = 0
                :: has(asleep[condition], 1) -> one = 1
                :: has(asleep[condition], 2) -> one = 2
                :: has(asleep[condition], 3) -> one = 3
                :: has(asleep[condition], 4) -> one = 4
                fi;
                take_out(asleep[condition], one);
                woken++
            :: woken == most_of_them || asleep[condition] == 0 -> break
            od;
            one = 0
        }
        atomic {
            mortal;
            if
            :: woken == 0 && marked[condition] && count[condition] == mine -> marked[condition] = false
            :: else -> mine = 0
            fi;
            woken = 0
        }
        if
        :: mine == 0
        :: else -> atomic { risky; asleep[condition] = 0; mine = 0 }
        fi
    fi
}

/* W1, with the guard. */
inline prepare(condition) {
    marked[condition] = true;
    prepared = count[condition]
}
inline wait(condition, worth_looking) {
    if
    :: BROKEN == waiter_prepares_late ->
        atomic { unlock() }
        atomic { prepare(condition) }
    :: else ->
        atomic { mortal; prepare(condition) }
        atomic { mortal; unlock() }                 /* W2 */
    fi;
    do
    :: atomic { count[condition] != prepared -> break }
    :: atomic { may_die -> budget--; goto died }
    :: atomic { count[condition] == prepared && !marked[condition] -> marked[condition] = true }  /* W4 */
    :: atomic { count[condition] == prepared && marked[condition] -> add(asleep[condition], me) }
       if                                           /* W3 */
       :: atomic { !has(asleep[condition], me) -> skip }
       :: atomic {
            patience > 0 && has(asleep[condition], me) ->
            patience--;
            take_out(asleep[condition], me);
            last = true;
            break
          }
       :: atomic { timeout && BACKSTOP == 1 && (worth_looking) -> take_out(asleep[condition], me); break }
       :: atomic { timeout && !(worth_looking) -> take_out(asleep[condition], me); goto gone }
       :: atomic { may_die -> budget--; take_out(asleep[condition], me); goto died }
       fi
    od;
    prepared = 0
}

proctype sender(byte me; byte units) {
    byte from, to, prepared, mine, woken, one, done;
    bool end, last;
    do
    :: done == SENDS -> break
    :: else ->
        lock_and_look();
        if
        :: end || (last && ROOM - (to - from) < units) -> atomic { unlock(); goto gone }
        :: !end && !last && ROOM - (to - from) < units -> wait(emptied, ROOM - used >= units || closed)
        :: !end && ROOM - (to - from) >= units ->
            atomic { mortal; ring[to % ROOM] = sent * 4 + units }  /* CH2 */
            if
            :: units == 2 -> atomic { mortal; ring[(to + 1) % ROOM] = foreign }
            :: else
            fi;
            to = to + units;
            if
            :: BROKEN == commits_early -> atomic { flip(); sent++; used = used + units }
            :: else
            fi;
            describe(BROKEN == commits_early);
            if
            :: BROKEN == commits_early
            :: else -> atomic { mortal; flip(); sent++; used = used + units }  /* CH4 */
            fi;
            atomic { risky; unlock() }
            if
            :: BROKEN == sender_notifies_nobody
            :: else -> notify(filled, (BROKEN == sender_wakes_one -> 1 : 2))  /* CH6 */
            fi;
            atomic { done++; last = false }
        fi
    od;
    goto gone;
died:
    if
    :: owner == me + 1 -> owner = 0
    :: else
    fi;
gone:
    skip
}

proctype receiver(byte me) {
    byte from, to, prepared, mine, woken, one, done, got;
    bool end, last;
    do
    :: done == RECEIVES -> break
    :: else ->
        lock_and_look();
        if
        :: from == to && (end || last) -> atomic { unlock(); goto gone }
        :: from == to && !end && !last -> wait(filled, used > 0 || closed)
        :: from != to ->
            atomic { mortal; got = ring[from % ROOM]; from = from + got % 4 }
            describe(false);
            atomic {                                /* CH4 */
                mortal;
                flip();
                claim(order, got / 4 == taken);
                taken++;
                used = used - got % 4
            }
            if
            :: BROKEN == receiver_copies_late ->
                to = (from - got % 4) % ROOM;
                owner = 0;
                atomic { claim(order, ring[to] == got); to = 0; from = 0 }
            :: else -> atomic { risky; unlock() }
            fi;
            got = 0;
            if
            :: BROKEN == receiver_notifies_nobody
            :: else -> notify(emptied, (BROKEN == receiver_wakes_two -> 2 : PEOPLE))  /* CH7 */
            fi;
            atomic { done++; last = false }
        fi
    od;
    goto gone;
died:
    if
    :: owner == me + 1 -> owner = 0
    :: else
    fi;
gone:
    skip
}

proctype closer(byte me) {
    byte from, to, mine, woken, one;
    bool end;
    lock_and_look();
    end = true;
    describe(false);
    atomic { mortal; flip(); closed = true }
    atomic { risky; unlock() }
    notify(filled, PEOPLE);
    if
    :: BROKEN == close_tells_receivers_only
    :: else -> notify(emptied, PEOPLE)
    fi;
    goto gone;
died:
    if
    :: owner == me + 1 -> owner = 0
    :: else
    fi;
gone:
    skip
}

init {
    atomic {
        byte who = 0;
        do
        :: sent < START -> ring[sent] = sent * 4 + 1; sent++; used++; tail[0] = tail[0] + 1
        :: sent == START -> break
        od;
        do
        :: who < S -> run sender(who, (who < LARGE -> 2 : 1)); who++
        :: who >= S && who < S + R -> run receiver(who); who++
        :: who >= S + R && who < PEOPLE -> run closer(who); who++
        :: who == PEOPLE -> break
        od
    }
}
