# Hashes of strings and lists of lists.
use strict;
use warnings;

my $state = 1;
sub draw { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0]; }

my $total = 0;
for my $turn (1 .. 2) {
    my (%count, @rows);
    for my $n (1 .. 80_000) {
        my $word = join('', map { chr(97 + draw(16)) } 1 .. 4);
        $count{$word} .= "$n,";
        push @rows, [$n, $word, {length => length $word}];
    }
    my @sorted = sort { $a->[1] cmp $b->[1] || $a->[0] <=> $b->[0] } @rows;
    $total += $sorted[$_ * 700][0] for 0 .. 100;
    $total += length($count{$_}) for keys %count;
}
print "$total\n";
