use strict;
use warnings;

sub {
    my $env = shift;
    return [200, ['Content-Type' => 'text/plain'], ["Perl serves $env->{PATH_INFO}\n"]];
};
