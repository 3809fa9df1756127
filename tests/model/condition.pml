/* SPDX-License-Identifier: MIT
 * The condition variable, as at the head of src/sync/condition_variable.cpp and under the names of its steps.
 *
 * N waiters take one item each; NOTIFIERS put ITEMS each, and notify one (or all) after each. The mutex is one that
 * never loses a wake, and that the death of its owner frees: mutex.pml is about that. Sleepers are in one queue, and
 * who of them is woken is left open. Anybody may die before any step, and asleep, up to K of them.
 *
 * N=3          waiters
 * NOTIFIERS=1  those who put
 * ITEMS=3      what each of them puts
 * ALL=0        1: notify_all
 * K=0          how many may die
 * WAITERS_ONLY=0  1: only waiters die
 * BACKSTOP=0   1: a sleeper looks again when nobody else can do anything
 * BROKEN       a rule to break, see below
 *
 * In the end nobody may be asleep while there is something to take: that is what "stuck" means.
 */
#ifndef N
#define N 3
#endif
#ifndef NOTIFIERS
#define NOTIFIERS 1
#endif
#ifndef ITEMS
#define ITEMS 3
#endif
#ifndef ALL
#define ALL 0
#endif
#ifndef K
#define K 0
#endif
#ifndef WAITERS_ONLY
#define WAITERS_ONLY 0
#endif
#ifndef BACKSTOP
#define BACKSTOP 0
#endif

#define notify_wakes_nobody 1
#define notify_wakes_one 2
#define notify_skips_the_count 3
#define waiter_forgets_to_mark 4
#define mark_goes_quietly 5
#ifndef BROKEN
#define BROKEN 0
#endif

#define PEOPLE (N + NOTIFIERS)
#define has(set, who) ((set >> (who)) & 1)
#define add(set, who) set = set | (1 << (who))
#define take_out(set, who) set = set & ~(1 << (who))

byte budget = K;
byte items;
byte count;     /* of notifications */
bool marked;    /* W */
byte asleep;    /* the kernel's queue of the word */
byte owner;     /* of the mutex: who + 1 */
byte dead;

#define may_die(who) (budget > 0 && (WAITERS_ONLY == 0 || who < N))
/* Before a step. */
#define mortal if :: may_die(me) -> budget--; goto died :: true fi
#define lock(who) atomic { owner == 0 || has(dead, owner - 1) -> owner = who + 1 }
#define unlock() owner = 0

proctype waiter(byte me) {
    byte prepared;
again:
    mortal;
    lock(me);
    mortal;
    if
    :: items > 0 -> items--; mortal; unlock(); goto gone
    :: else
    fi;
    atomic { marked = true; prepared = count }      /* W1 */
    mortal;
    unlock();                                       /* W2 */
    do
    :: atomic { count != prepared -> break }
    :: atomic { count == prepared && !marked && BROKEN != waiter_forgets_to_mark -> marked = true }  /* W4 */
    :: atomic { count == prepared && (marked || BROKEN == waiter_forgets_to_mark) -> add(asleep, me) }
       if
       :: atomic { !has(asleep, me) -> skip }
       :: atomic { timeout && BACKSTOP == 1 && items > 0 -> take_out(asleep, me); goto again }
       :: atomic { timeout && items == 0 -> take_out(asleep, me); goto gone }
       :: atomic { may_die(me) -> budget--; take_out(asleep, me); goto died }
       fi;                                          /* W3 */
       mortal
    od;
    goto again;
died:
    add(dead, me);
gone:
    skip
}

proctype notifier(byte me) {
    byte put, mine, woken, one, most;
    bool was_marked, cleared;
    do
    :: put == ITEMS -> break
    :: else ->
        put++;
        mortal;
        lock(me);
        mortal;
        items++;
        mortal;
        unlock();
        mortal;
        atomic {                                    /* N1 */
            was_marked = marked;
            if
            :: BROKEN == notify_skips_the_count && !marked
            :: else -> count++
            fi;
            mine = count;
            woken = 0;
            most = (ALL == 1 -> N : (BROKEN == notify_wakes_one -> 1 : 2))
        }
        if
        :: was_marked && BROKEN != notify_wakes_nobody ->
            mortal;
            atomic {                                /* N2 */
                do
                :: woken < most && asleep != 0 ->
                    if
                    :: has(asleep, 0) -> one = 0
                    :: has(asleep, 1) -> one = 1
                    :: has(asleep, 2) -> one = 2
                    :: has(asleep, 3) -> one = 3
                    fi;
                    take_out(asleep, one);
                    woken++
                :: woken == most || asleep == 0 -> break
                od
            }
            mortal;
            atomic {                                /* N3 */
                if
                :: woken == 0 && marked && count == mine ->
                    marked = false;
                    cleared = true
                :: else -> cleared = false
                fi
            }
            if
            :: cleared && BROKEN != mark_goes_quietly -> mortal; asleep = 0  /* N4 */
            :: else
            fi
        :: else
        fi
    od;
    goto gone;
died:
    add(dead, me);
gone:
    skip
}

init {
    atomic {
        byte who = 0;
        do
        :: who < N -> run waiter(who); who++
        :: who >= N && who < PEOPLE -> run notifier(who); who++
        :: who == PEOPLE -> break
        od
    }
}
