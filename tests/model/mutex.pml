/* SPDX-License-Identifier: MIT */
/* The mutex protocol as built. The steps and their names are those at the head of src/sync/owner_lock.cpp,
 * src/sync/park.cpp and src/seats/sweep.cpp. README.md says what is modelled, what is not, and what came out.
 *
 * Switches (-D…):
 *   N=3           participants, 2 to 4
 *   K=1           how many of them may be killed, each after any step
 *   LOCKS=1       or 2: each locks one of the two, and NESTS=1 of them the second inside the first; unlocked in any
 *                 order
 *   AGAIN=0       each locks once; so many times in all, one that has unlocked locks again
 *   TIMED=1       any locker's deadline may pass at any time
 *   BACKSTOP=n    0: none. 1: when nobody can go on otherwise, one sleeper looks again, RESCUES times at most.
 *                 2: any sleeper may look again at any time, which is also what a signal does
 *   REPAIR_FAILS  so many calls of repair() throw
 *   WAITV=0       sleepers watch the word alone, as without futex_waitv
 *   ENDS=1        the thread of one that has finished may end, which marks its token as a death does
 *   CLAIMER=1     somebody who wants a seat may sweep the dead at any time, and may be killed at it
 *   STRAY=1       everybody may unlock once more than it locked
 *   DIES_AFTER=s  kills only right after step s; with K=2 the first after s, the second after THEN_AFTER=t
 *   BROKEN=rule   one of the rules below is broken
 */
#ifndef N
#define N 3
#endif
#ifndef K
#define K 1
#endif
#ifndef LOCKS
#define LOCKS 1
#endif
#ifndef NESTS
#define NESTS 1
#endif
#ifndef AGAIN
#define AGAIN 0
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef BACKSTOP
#define BACKSTOP 0
#endif
#ifndef RESCUES
#define RESCUES 1
#endif
#ifndef REPAIR_FAILS
#define REPAIR_FAILS 0
#endif
#ifndef WAITV
#define WAITV 1
#endif
#ifndef ENDS
#define ENDS 0
#endif
#ifndef CLAIMER
#define CLAIMER 0
#endif
#ifndef STRAY
#define STRAY 0
#endif

/* The rules that can be broken, to see that the model notices. */
#define nothing 0
#define unlock_wakes_nobody 1      /* U3 */
#define unlock_wakes_one 2         /* U3 */
#define unlock_does_not_look 3     /* U0 */
#define unlock_erases_abandoned 4  /* U0 */
#define takeover_trusts 5          /* L3 */
#define takeover_keeps_quiet 6     /* T1, T3, S1, S3, P6: nobody passes a death on */
#define woken_forgets_contended 7  /* L2, L3 */
#define giving_up_keeps_quiet 8    /* L6 */
#define watcher_keeps_quiet 9      /* P6 */
#define intent_comes_late 10       /* L0 after L1 */
#ifndef BROKEN
#define BROKEN nothing
#endif

/* Steps, for the trail. */
mtype = { L0, L1, L2, L3, L4, L6, T1, T2, T3, U0, U1, U2, U3, U4, R1, R2, P3, P4, P6, S1, S2, S3, S5 }
/* Claims. One more is spin's own: no invalid end state, that is, nobody is left asleep. */
mtype = { mutual_exclusion, sound_data, true_abandonment, inside_is_owner, swept_whole, few_rescues, M2, M4, M5 }
#define claim(name, holds)             \
    if                                 \
    :: holds                           \
    :: else ->                         \
        printf("broken: %e\n", name); \
        assert(false)                  \
    fi

/* The word, as in src/seats/owner.hpp. There are no generations: no seat is used again in so short a life. */
#define contended 128
#define abandoned 64
#define repairing 32
#define owner_of(value) ((value) & 31)
#define is_abandoned(value) (((value) & abandoned) != 0 && ((value) & repairing) == 0)
#define held_by(value, who) (owner_of(value) == (who) && !is_abandoned(value))

/* Everything that there is once a lock. Each process has a variable `lock`: the one that it is about just now. */
byte words[LOCKS];
#define word words[lock]
byte helds[LOCKS];        /* whose held list names the word; it outlives its writer */
#define held helds[lock]
byte word_queues[LOCKS];  /* the kernel's */
#define word_queue word_queues[lock]
byte insides[LOCKS];      /* who is in the critical section; 0: nobody */
#define inside insides[lock]
bool unsounds[LOCKS];     /* the data, from the first change to the last */
#define unsound unsounds[lock]
byte slepts[LOCKS];       /* who has slept since it came, and not yet locked or given up */
#define slept slepts[lock]
byte owings[LOCKS];       /* who has let go of a contended word, and has not yet woken two */
#define owing owings[lock]

/* Sets of participants, who are 1 to N. */
#define only(who) (1 << ((who) - 1))
#define has(set, who) (((set) & only(who)) != 0)
#define add(set, who) set = set | only(who)
#define remove(set, who) set = set & ~only(who)
#define everyone ((1 << N) - 1)
byte swept;      /* whose seat a sweep has freed */
byte dead;       /* whose token the kernel has marked */
byte ended;      /* those of them that were not killed */
byte gone;       /* the dead, and those who have finished */
byte came;       /* the last one to come: they come in the order of their numbers, for they are all alike */

/* The kernel. A wake takes a sleeper out of the queue where it was found; out of the other one the sleeper goes by
 * itself as soon as it runs, and until then another wake may be spent on it. So does futex_waitv. Which sleeper of a
 * queue is woken is left open: nothing relies on the order. */
byte token_queue[N + 1];
byte asleep;     /* in the queues of a word and a token, and not woken */
byte untold;     /* the dead of whom one watcher has yet to be woken by the kernel */
byte rescues;
byte budget = K;  /* of kills */
chan kill[6] = [0] of { bit };

byte failed_repairs;
byte agains;
byte nests;

/* Nobody can go on unless a timer fires. */
#define quiet ((asleep | gone) == everyone && untold == 0)

#ifdef DIES_AFTER
#ifndef THEN_AFTER
#define THEN_AFTER DIES_AFTER
#endif
mtype at[N + 2];
#define note(name) at[me] = name;
#define mortal (budget > 0 && at[me] == (dead == 0 -> DIES_AFTER : THEN_AFTER))
#else
#define note(name)
#define mortal (budget > 0)
#endif
#define flag(set, letter) ((word & set) != 0 -> letter : '-')
#define name_if_asleep(who) (has(asleep, who) -> who : 0)
#define step(name)                                                                                                  \
    note(name)                                                                                                      \
    printf("%d: %e\t%c: %d %c%c%c  asleep: %d %d %d %d\n", me, name, 'A' + lock, owner_of(word), flag(contended, 'C'), \
        flag(abandoned, 'A'), flag(repairing, 'R'), name_if_asleep(1), name_if_asleep(2), name_if_asleep(3),        \
        name_if_asleep(4))

#define wake_if_in(queue, who) has(queue, who) -> remove(queue, who); remove(asleep, who)
inline wake_one(queue) {
    if
    :: wake_if_in(queue, 1)
    :: wake_if_in(queue, 2)
#if N > 2
    :: wake_if_in(queue, 3)
#endif
#if N > 3
    :: wake_if_in(queue, 4)
#endif
    :: else
    fi
}

inline wake_all(queue) {
    asleep = asleep & ~queue;
    queue = 0
}

/* sleepers_per_unlock */
inline wake_two(queue) {
    wake_one(queue);
#if BROKEN != unlock_wakes_one
    wake_one(queue)
#endif
}

/* T2, S2, R2: held by `who` → abandoned, C kept */
inline abandon(who) {
    word = who | abandoned | (word & contended)
}

#if BROKEN == woken_forgets_contended
#define kept_contended 0
#else
#define kept_contended (has(slept, me) -> contended : 0)
#endif

inline intend() {
#if BROKEN != intent_comes_late
    add(held, me);
    step(L0);
#endif
    skip
}

inline enter_sound() {
    claim(mutual_exclusion, inside == 0);
    claim(sound_data, !unsound);  /* an abandoned word is never taken as sound */
    inside = me;
    unsound = true;
    remove(slept, me)
}

inline enter_abandoned() {
    claim(mutual_exclusion, inside == 0);
#if BROKEN == takeover_trusts
    claim(sound_data, !unsound);
#endif
    inside = me;
    unsound = true;
    remove(slept, me)
}

#if BROKEN == takeover_trusts
#define L3_flags 0
#else
#define L3_flags (abandoned | repairing)
#endif

/* The sleeper runs again. */
inline leave_queues() {
    remove(asleep, me);
    remove(word_queue, me);
    remove(token_queue[owner_of(value)], me);
    step(P4)
}

inline wake_as_giving_up() {
#if BROKEN != giving_up_keeps_quiet
    wake_one(word_queue);
#endif
    skip
}

/* The word was let go, and held `value` before. */
inline let_go(uncontended_step, contended_step) {
    if
    :: (value & contended) != 0 -> add(owing, me); step(contended_step)
    :: else -> step(uncontended_step)
    fi
}

/* Frees the seat of a dead participant (S1 to S5). */
inline sweep_entry(who) {
    if
    :: d_step { has(held, who) && held_by(word, who) -> abandon(who); step(S2) };
#if BROKEN != takeover_keeps_quiet
        d_step { wake_all(word_queue); step(S3) }
    :: atomic { has(held, who) && !held_by(word, who) -> wake_two(word_queue); step(S3) }
#endif
    :: else
    fi
}
inline sweep(who) {
    if
    :: has(swept, who)
    :: else ->
#if BROKEN != takeover_keeps_quiet
        d_step { wake_all(token_queue[who]); step(S1) };
#endif
        sweep_entry(who);
#if LOCKS == 2
        lock = 1 - lock;
        sweep_entry(who);
        lock = 1 - lock;
        claim(swept_whole, !held_by(words[1 - lock], who));
#endif
        d_step {
            claim(swept_whole, !held_by(word, who));
            add(swept, who);
            step(S5)
        }
    fi
}

/* What the kernel does when a participant dies. The waking of one watcher comes later (proctype kernel). */
inline die_in(which) {
    remove(slepts[which], me);
    if
    :: insides[which] == me -> insides[which] = 0
    :: else
    fi
}
inline die() {
    budget--;
    add(dead, me);
    add(gone, me);
    remove(owing, me);
    remove(asleep, me);
    remove(word_queue, me);
    remove(token_queue[owner_of(value)], me);
    die_in(0);
#if LOCKS == 2
    die_in(1);
#endif
    if
    :: token_queue[me] != 0 -> add(untold, me)
    :: else
    fi;
    printf("%d: dies\n", me)
}

/* What is left in a variable that nobody will read again would only tell equal states apart. */
inline forget_attempt() {
    value = 0;
    passed = false
}
inline forget() {
    forget_attempt();
    lock = 0;
    other = false;
    refused = false;
    stray = false
}

/* Which lock to want next, holding none. */
inline choose() {
    if
    :: lock = 0
#if LOCKS == 2
    :: lock = 1
#endif
    fi
}

proctype participant(byte me) {
    byte lock;
    bool other;    /* I hold the other lock, too */
    byte value;    /* the word as last read */
    bool passed;   /* my deadline */
    bool refused;  /* lock() has thrown owner_died: from now on lock(repair) */
    bool stray;    /* this is the unlock too many */

    {
        atomic { came == me - 1 -> came = me; choose(); intend() };

first_try:
        if
        :: d_step { word == 0 -> word = me; enter_sound(); step(L1) } -> goto critical
        :: else
        fi;

look:
        atomic {
            value = word;
            if
            :: value == 0 -> goto take
            :: is_abandoned(value) ->
                claim(true_abandonment, has(dead & ~ended, owner_of(value)) || failed_repairs > 0);
                if
                :: !refused -> refused = true; goto refuse
                :: true -> goto take_over
                fi
            :: else -> assert(owner_of(value) != me)
            fi
        };
        atomic {
            if
            :: has(dead, owner_of(value)) -> goto notice_death
            :: else
            fi;
            if
            :: passed -> goto give_up
            :: TIMED && !passed -> passed = true; goto give_up
            :: !passed
            fi;
            if
            :: (value & contended) != 0 -> goto park
            :: else
            fi
        };

        if
        :: d_step { word == value -> word = word | contended; value = word; step(L4) }
        :: else -> goto look
        fi;

park:   /* P1 is left out: a token that is dead then is dead at P3 as well, and both mean: look again. */
        if
        :: d_step { word == value -> add(slept, me); add(word_queue, me) }
        :: d_step { word != value -> add(slept, me) } -> goto look
        fi;
#if !WAITV
        if
        :: d_step { has(word_queue, me) -> add(asleep, me); step(P3) }
        :: else  /* woken in between */
        fi;
#else
        if
        :: d_step {
            !has(dead, owner_of(value)) -> add(token_queue[owner_of(value)], me);
            if
            :: has(word_queue, me) -> add(asleep, me); step(P3)
            :: else  /* woken in between */
            fi
           }
        :: d_step { has(dead, owner_of(value)) -> remove(word_queue, me) } -> goto look
        fi;
#endif
        if
        :: d_step { !has(asleep, me) -> leave_queues() }
#if TIMED
        :: d_step { has(asleep, me) && !quiet && !passed -> passed = true; leave_queues() }
#endif
#if BACKSTOP == 1
        :: d_step { has(asleep, me) && quiet -> rescues++; claim(few_rescues, rescues <= RESCUES); leave_queues() }
#endif
#if BACKSTOP == 2
        :: d_step { has(asleep, me) -> leave_queues() }
#endif
        fi;
#if BROKEN != watcher_keeps_quiet && BROKEN != takeover_keeps_quiet && WAITV
        /* The kernel wakes one watcher of a dead token. If that was me, woken otherwise as well, I tell the others. */
        if
        :: d_step { has(dead, owner_of(value)) -> wake_all(token_queue[owner_of(value)]); step(P6) }
        :: else
        fi;
#endif
        goto look;

take:
        if
        :: d_step { word == 0 -> word = me | kept_contended; enter_sound(); step(L2) } -> goto critical
        :: else -> goto look
        fi;

take_over:
        if
        :: d_step {
            word == value -> word = me | L3_flags | (value & contended) | kept_contended;
            enter_abandoned();
            step(L3)
           }
        :: else -> goto look
        fi;
#if BROKEN != takeover_trusts
        if
        :: d_step { failed_repairs < REPAIR_FAILS -> failed_repairs++; inside = 0 } -> goto unlock
        :: unsound = false
        fi;
        d_step { claim(M5, held_by(word, me)); word = word & ~(abandoned | repairing); step(R1) };
#endif

critical:
#if BROKEN == intent_comes_late
        atomic { add(held, me); step(L0) };
#endif
#if LOCKS == 2
        atomic {
            if
            :: lock == 0 && !other && nests < NESTS -> nests++; lock = 1; other = true; forget_attempt(); goto again
            :: other -> lock = 1 - lock
            :: true
            fi
        };
#endif
leave:
        atomic { unsound = false; inside = 0 };

unlock:
#if BROKEN != unlock_does_not_look
        if
        :: atomic { word == me -> step(U0) }
#if BROKEN == unlock_erases_abandoned
        :: d_step { is_abandoned(word) -> word = 0 } -> goto unlocked
#endif
        :: else -> goto unlock_slowly
        fi;
#endif
        atomic {
            claim(M5, owner_of(word) == me || BROKEN == unlock_does_not_look);
            value = word;
            word = 0;
            let_go(U1, U2);
            goto wake
        };

unlock_slowly:
        if
        :: held_by(word, me)
        :: else -> assert(stray); goto unlocked  /* not_owner */
        fi;
        d_step {
            claim(M5, held_by(word, me));
            value = word;
            if
            :: (value & abandoned) != 0 -> abandon(me); let_go(R2, R2)
            :: else -> word = 0; let_go(U1, U2)
            fi
        };

wake:
#if BROKEN != unlock_wakes_nobody
        if
        :: (value & contended) != 0 && (value & abandoned) == 0 ->
            atomic { wake_two(word_queue); remove(owing, me); step(U3) }
        :: (value & contended) != 0 && (value & abandoned) != 0 ->
            d_step { wake_all(word_queue); remove(owing, me); step(U3) }
        :: else
        fi;
#endif

unlocked:
        atomic {
            remove(held, me);
            remove(owing, me);
            step(U4);
            forget_attempt();
            if
            :: other -> lock = 1 - lock; other = false; goto leave
            :: !other && agains < AGAIN -> agains++; choose()
            :: !other && STRAY && !stray -> stray = true; goto unlock
            :: !other -> goto finish
            fi
        };

again:
        atomic { intend() };
        goto first_try;

notice_death:
#if BROKEN != takeover_keeps_quiet
        atomic { wake_all(token_queue[owner_of(value)]); step(T1) };
#endif
        if
        :: d_step { held_by(word, owner_of(value)) -> abandon(owner_of(value)); step(T2) }
        :: else
        fi;
#if BROKEN != takeover_keeps_quiet
        d_step { wake_all(word_queue); step(T3) };
#endif
        sweep(owner_of(value));
        goto look;

refuse:
#if BROKEN != takeover_keeps_quiet
        if
        :: (value & contended) != 0 -> d_step { wake_all(word_queue); step(T3) }
        :: else
        fi;
#endif

give_up:
        if
        :: has(slept, me) -> atomic { wake_as_giving_up(); remove(slept, me); step(L6) }
        :: else
        fi;
        atomic {
            remove(held, me);
            if
            :: !passed -> value = 0; goto again  /* owner_died: from now on lock(repair) */
            :: other -> forget_attempt(); lock = 1 - lock; other = false; goto leave
            :: !other
            fi
        };
finish:
        atomic { add(gone, me); forget() }
    } unless {
        atomic { kill[me] ? eval(mortal && came >= me) -> die(); forget(); goto over }
    };
#if ENDS
    if
    :: d_step {
        true -> add(ended, me);
        add(dead, me);
        if
        :: token_queue[me] != 0 -> add(untold, me)
        :: else
        fi
       }
    :: true
    fi;
#endif
over:
    skip
}

#if K > 0
#define tell_of(who) atomic { has(untold, who) -> wake_one(token_queue[who]); remove(untold, who) }

/* Who kills, and the kernel that tells of it. */
proctype kernel() {
end:
    do
    :: kill[1] ! true
    :: kill[2] ! true
    :: kill[3] ! true
    :: kill[4] ! true
    :: kill[5] ! true
    :: d_step { budget > 0 -> budget = 0 }  /* enough */
    :: tell_of(1)
    :: tell_of(2)
#if N > 2
    :: tell_of(3)
#endif
#if N > 3
    :: tell_of(4)
#endif
    od
}
#endif

#if CLAIMER
/* Wants a seat, and may leave at any time. */
proctype claimer() {
    byte me = N + 1, who, lock;
    {
        do
        :: who < N -> who++;
            if
            :: has(dead, who) -> sweep(who)
            :: else
            fi
        :: who = 0
        :: break
        od
    } unless {
        atomic { kill[me] ? eval(mortal) -> budget--; who = 0; lock = 0 }
    }
}
#endif

/* M2: if somebody sleeps, then C is set, or a woken one has yet to set it, or a wake is owed. Once somebody has died,
 * what follows from M2 is claimed instead: nobody is left asleep. */
#define M2_holds                                                                                      \
    ((asleep & word_queue) == 0 || (word & contended) != 0 || (slept & ~asleep) != 0 || owing != 0 || \
        (dead & ~ended) != 0)
/* M4: the word names a participant whose held list names the word. */
#define M4_holds (owner_of(word) == 0 || is_abandoned(word) || has(held, owner_of(word)))
/* M5 is claimed where the owner unlocks: while it lives, the others change nothing but C. And nobody else is inside. */
#define inside_is_owner_holds (inside == 0 || held_by(word, inside))

proctype invariants(byte lock) {
end:
    do
    :: d_step { !M2_holds -> claim(M2, false) }
    :: d_step { !M4_holds -> claim(M4, false) }
    :: d_step { !inside_is_owner_holds -> claim(inside_is_owner, false) }
    od
}

init {
    atomic {
        run invariants(0);
#if LOCKS == 2
        run invariants(1);
#endif
#if K > 0
        run kernel();
#endif
#if CLAIMER
        run claimer();
#endif
        byte who = 1;
        do
        :: who <= N -> run participant(who); who++
        :: else -> break
        od
    }
}
