-- +goose Up
-- Tasks are looked at when their time has come, as questions are: question_id of calls and
-- reminders is either's entry.
update incident_task set remind_at = due_at where kind = 'task' and state in ('todo', 'doing', 'hold') and org_id <> 0 and due_at > 0;
